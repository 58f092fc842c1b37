internal import Glibc
internal import Tensors

/// How often each code occurs in some rows: one static model of the coder.
struct CodeTable: Sendable {
  var lowest: Int
  var counts: [Int]

  var total: Int { counts.reduce(0, +) }
  var symbols: SymbolTable? { SymbolTable(counts: counts) }

  init(lowest: Int, counts: [Int]) {
    self.lowest = lowest
    self.counts = counts
  }

  init(of codes: ArraySlice<Int16>) {
    let (low, high) = (codes.min() ?? 0, codes.max() ?? 0)
    lowest = Int(low)
    counts = [Int](repeating: 0, count: Int(high) - Int(low) + 1)
    for code in codes { counts[Int(code) - lowest] += 1 }
  }

  static func + (a: CodeTable, b: CodeTable) -> CodeTable {
    let low = min(a.lowest, b.lowest)
    let high = max(a.lowest + a.counts.count, b.lowest + b.counts.count)
    var sum = CodeTable(lowest: low, counts: [Int](repeating: 0, count: high - low))
    for table in [a, b] {
      for (index, count) in table.counts.enumerated() {
        sum.counts[table.lowest - low + index] += count
      }
    }
    return sum
  }

  /// Σ −log2 p of all codes counted.
  var entropy: Double {
    let total = Double(total)
    return counts.reduce(0) { $1 == 0 ? $0 : $0 + Double($1) * log2(total / Double($1)) }
  }

  /// Bits of the codes and of the table itself, about.
  var cost: Double {
    counts.reduce(entropy + 24) { $0 + 2 * log2(Double($1 + 1)).rounded(.down) + 1 }
  }
}

/// The tables of a matrix's live rows and which row has which.
struct CodeTables {
  let tables: [CodeTable]
  /// Of each live row, by position.
  let tableOfLive: [Int]

  /// Sorts rows by whether they are one-sided and how far their codes spread, in
  /// half octaves of the mean square, and joins neighbours as long as a shared
  /// table is cheaper than two.
  init?(of channels: ChannelCodes) {
    var groups: [Int: (table: CodeTable, rows: [Int])] = [:]
    for position in channels.liveRows.indices {
      let codes = channels.codes(ofLive: position)
      let table = CodeTable(of: codes)
      let key = Self.key(table, channels.codeRange(ofRow: channels.liveRows[position]))
      if let group = groups[key] {
        groups[key] = (group.table + table, group.rows + [position])
      } else {
        groups[key] = (table, [position])
      }
    }
    let joined = Self.joined(groups.sorted { $0.key < $1.key }.map(\.value))
    guard joined.allSatisfy({ $0.table.counts.count <= SymbolTable.symbolLimit }) else {
      return nil
    }
    tables = joined.map(\.table)
    var tableOfLive = [Int](repeating: 0, count: channels.liveRows.count)
    for (index, group) in joined.enumerated() {
      for position in group.rows { tableOfLive[position] = index }
    }
    self.tableOfLive = tableOfLive
  }

  private static func key(_ table: CodeTable, _ range: ClosedRange<Int>) -> Int {
    var squares = 0
    for (index, count) in table.counts.enumerated() {
      let code = table.lowest + index
      squares += code * code * count
    }
    // 2 log2 of the mean square in 256ths, rounded down.
    let mean = squares * 256 / max(table.total, 1) + 1
    let octave = Int.bitWidth - 1 - mean.leadingZeroBitCount
    let half = octave > 0 ? mean >> (octave - 1) & 1 : 0
    return (range.count > 2 ? 1 << 16 : 0) + 2 * octave + half
  }

  private typealias Group = (table: CodeTable, rows: [Int])

  private static func joined(_ groups: [Group]) -> [Group] {
    var groups = groups
    var costs = groups.map(\.table.cost)
    var pairs = zip(groups, groups.dropFirst()).map { ($0.table + $1.table).cost }
    while let best = pairs.indices.max(by: { gain($0) < gain($1) }), gain(best) > 0 {
      groups[best] = (
        groups[best].table + groups[best + 1].table, groups[best].rows + groups[best + 1].rows
      )
      groups.remove(at: best + 1)
      costs[best] = pairs[best]
      costs.remove(at: best + 1)
      pairs.remove(at: best)
      for pair in [best - 1, best] where pairs.indices.contains(pair) {
        pairs[pair] = (groups[pair].table + groups[pair + 1].table).cost
      }
    }
    return groups

    func gain(_ pair: Int) -> Double { costs[pair] + costs[pair + 1] - pairs[pair] }
  }
}
