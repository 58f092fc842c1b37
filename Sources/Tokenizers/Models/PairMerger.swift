/// Merges neighbouring symbols, the pair of the smallest rank first, of equals the
/// leftmost, until no pair is left.
struct PairMerger: Sendable {
  /// Up to here every merge looks at all pairs, which is faster for words.
  static let shortLength = 24

  /// Symbols of a piece; those left after `merge`.
  var symbols: [Int32] = []
  /// Symbols that take part in no merge, by position; empty for none.
  var frozen: [Bool] = []

  private var ranks: [Int32] = []
  private var results: [Int32] = []
  private var previous: [Int32] = []
  private var next: [Int32] = []
  /// A binary heap of rank above and position below.
  private var heap: [UInt64] = []

  mutating func merge(_ table: borrowing PairTable) {
    guard symbols.count > 1 else { return }
    if symbols.count <= Self.shortLength, frozen.isEmpty {
      mergeShort(table)
    } else {
      mergeLong(table)
    }
  }

  private mutating func mergeShort(_ table: borrowing PairTable) {
    var count = symbols.count
    ranks.removeAll(keepingCapacity: true)
    results.removeAll(keepingCapacity: true)
    for position in 0..<count - 1 {
      let entry = table.find(symbols[position], symbols[position + 1])
      ranks.append(entry.rank)
      results.append(entry.result)
    }
    while count > 1 {
      var (best, at) = (PairTable.noRank, 0)
      for position in 0..<count - 1 where ranks[position] < best {
        (best, at) = (ranks[position], position)
      }
      guard best != PairTable.noRank else { break }
      symbols[at] = results[at]
      count -= 1
      for position in at + 1..<Swift.max(count, at + 1) {
        symbols[position] = symbols[position + 1]
      }
      if at + 1 < count {
        for position in at..<count - 1 {
          ranks[position] = ranks[position + 1]
          results[position] = results[position + 1]
        }
        setShort(at, table)
      }
      if at > 0 { setShort(at - 1, table) }
    }
    symbols.removeLast(symbols.count - count)
  }

  @inline(__always)
  private mutating func setShort(_ at: Int, _ table: borrowing PairTable) {
    let entry = table.find(symbols[at], symbols[at + 1])
    ranks[at] = entry.rank
    results[at] = entry.result
  }

  /// O(n log n) in the number of symbols.
  private mutating func mergeLong(_ table: borrowing PairTable) {
    let count = symbols.count
    previous.removeAll(keepingCapacity: true)
    next.removeAll(keepingCapacity: true)
    ranks = [Int32](repeating: PairTable.noRank, count: count)
    results = ranks
    heap.removeAll(keepingCapacity: true)
    for position in 0..<count {
      previous.append(Int32(position) - 1)
      next.append(position + 1 < count ? Int32(position) + 1 : -1)
    }
    for position in 0..<count - 1 { setLong(position, table) }
    while let best = popHeap() {
      let at = Int(best & 0xFFFF_FFFF)
      // A pair that was merged away, or changed since.
      guard ranks[at] == Int32(truncatingIfNeeded: best >> 32) else { continue }
      let gone = Int(next[at])
      symbols[at] = results[at]
      symbols[gone] = -1
      ranks[gone] = PairTable.noRank
      next[at] = next[gone]
      if next[at] >= 0 { previous[Int(next[at])] = Int32(at) }
      setLong(at, table)
      if previous[at] >= 0 { setLong(Int(previous[at]), table) }
    }
    var kept = 0
    var position: Int32 = 0
    while position >= 0 {
      symbols[kept] = symbols[Int(position)]
      kept += 1
      position = next[Int(position)]
    }
    symbols.removeLast(count - kept)
  }

  private mutating func setLong(_ at: Int, _ table: borrowing PairTable) {
    ranks[at] = PairTable.noRank
    let after = Int(next[at])
    guard after >= 0 else { return }
    if !frozen.isEmpty, frozen[at] || frozen[after] { return }
    let entry = table.find(symbols[at], symbols[after])
    guard entry.rank != PairTable.noRank else { return }
    ranks[at] = entry.rank
    results[at] = entry.result
    pushHeap(UInt64(entry.rank) << 32 | UInt64(at))
  }

  private mutating func pushHeap(_ value: UInt64) {
    var child = heap.count
    heap.append(value)
    while child > 0 {
      let parent = (child - 1) / 2
      guard value < heap[parent] else { break }
      heap[child] = heap[parent]
      child = parent
    }
    heap[child] = value
  }

  private mutating func popHeap() -> UInt64? {
    guard let top = heap.first, let last = heap.popLast() else { return nil }
    guard !heap.isEmpty else { return top }
    var parent = 0
    while true {
      var child = parent * 2 + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
      guard heap[child] < last else { break }
      heap[parent] = heap[child]
      parent = child
    }
    heap[parent] = last
    return top
  }
}
