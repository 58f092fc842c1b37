internal import Synchronization

/// Counts codes and gathers scales on several threads; no result depends on the order
/// in which parts are added.
final class CodeCounts: Sendable {
  private struct Totals {
    var counts: [Int]
    var scales: [Float] = []
    var blockScales: [Float] = []
    var minima: [Float] = []
  }

  private let range: ClosedRange<Int>
  private let totals: Mutex<Totals>

  init(_ range: ClosedRange<Int>) {
    self.range = range
    totals = Mutex(Totals(counts: Array(repeating: 0, count: range.count)))
  }

  func add(_ part: BlockCodes) {
    var table = [Int](repeating: 0, count: range.count)
    unsafe part.codes.withUnsafeValues { codes in
      for index in codes.indices { table[unsafe Int(codes[index]) - range.lowerBound] += 1 }
    }
    let (scales, blockScales) = (part.scales.array, part.blockScales?.array)
    let minima = part.minima?.array
    totals.withLock { totals in
      for index in table.indices { totals.counts[index] += table[index] }
      totals.scales += scales
      if let blockScales { totals.blockScales.append(contentsOf: blockScales) }
      if let minima { totals.minima.append(contentsOf: minima) }
    }
  }

  /// Counts of codes from the least on.
  func add(_ table: [Int]) {
    totals.withLock { totals in
      for index in table.indices { totals.counts[index] += table[index] }
    }
  }

  /// The counts of so many values, which the others do not have.
  func codes(_ values: [Int]) -> [CodeFigures.Code] {
    totals.withLock { totals in
      values.map { CodeFigures.Code(value: $0, count: totals.counts[$0 - range.lowerBound]) }
    }
  }

  func figures(values: [Int], groupSize: Int) -> CodeFigures {
    let codes = codes(values)
    let totals = totals.withLock { $0 }
    return CodeFigures(
      codes: codes, scales: ValueSpread(totals.scales),
      blockScales: ValueSpread(totals.blockScales), minima: ValueSpread(totals.minima),
      groupSize: groupSize)
  }
}
