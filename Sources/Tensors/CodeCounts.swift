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

  /// Adds blocks whose first weight has the number `start` in its matrix; of a mask only
  /// the weights that it keeps, and the scales of those.
  func add(_ part: BlockCodes, at start: Int = 0, keeping kept: Mask? = nil) {
    var table = [Int](repeating: 0, count: range.count)
    unsafe part.codes.withUnsafeValues { codes in
      for index in codes.indices where kept?[start + index] ?? true {
        table[unsafe Int(codes[index]) - range.lowerBound] += 1
      }
    }
    let count = part.codes.shape.count
    func used(_ values: Tensor?) -> [Float]? {
      guard let values, let kept, values.shape.count > 0 else { return values?.array }
      let size = count / values.shape.count
      return values.array.enumerated().compactMap { index, value in
        let weights = start + index * size..<start + (index + 1) * size
        return weights.contains { kept[$0] } ? value : nil
      }
    }
    let (scales, blockScales) = (used(part.scales) ?? [], used(part.blockScales))
    let minima = used(part.minima)
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

  /// The counts of these values; all other values do not occur.
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
