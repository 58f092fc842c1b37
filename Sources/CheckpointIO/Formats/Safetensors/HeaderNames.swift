/// The names of a header, to find the first that is there twice. Nearly all are ASCII without
/// escapes and are compared where they stand, once all are known, which takes two sweeps over
/// their hashes; others may be spelled in several ways, and make a set of `String`s of all.
struct HeaderNames {
  private let header: Bytes
  private var ranges: [Range<Int>] = []
  private var hashes: [UInt32] = []
  private var texts: Set<String>?
  /// The first name that was in `texts` before.
  private var repeated: String?

  init(_ header: Bytes) { self.header = header }

  /// Takes in a name that stands in the header as it is, in ASCII. `hash` is a `ByteHash` of
  /// its bytes.
  @inline(__always)
  mutating func add(_ range: Range<Int>, hash: UInt32) {
    if texts != nil { return add(text(range)) }
    ranges.append(range)
    hashes.append(hash)
  }

  /// The same of any name.
  mutating func add(_ name: String) {
    if texts == nil {
      repeated = firstRepeated()
      texts = Set(ranges.lazy.map(text))
    }
    let isNew = texts?.insert(name).inserted ?? true
    if repeated == nil, !isNew { repeated = name }
  }

  /// The name that is the first to be there already. O(n).
  func firstRepeated() -> String? {
    if texts != nil { return repeated }
    var first = ranges.count
    HashOrder(hashes).forEachGroup { first = min(first, firstRepeated(in: $0)) }
    return first < ranges.count ? text(ranges[first]) : nil
  }

  /// Among names of nearly the same hash, in their order: the position of the first that is
  /// there already.
  private func firstRepeated(in positions: [Int]) -> Int {
    for (number, position) in positions.enumerated() {
      let isThere = positions.prefix(number).contains { other in
        hashes[other] == hashes[position] && ranges[other].count == ranges[position].count
          && header[ranges[other]].isEqual(to: header[ranges[position]])
      }
      if isThere { return position }
    }
    return .max
  }

  private func text(_ range: Range<Int>) -> String { header.ascii(range) }
}

/// Positions of hashes, those with the same low 22 bits together and in their order: a radix
/// sort, which unlike a table does not wait for memory.
private struct HashOrder {
  private static let bits: UInt64 = 11
  private static let mask: UInt64 = 1 << bits - 1

  /// Position above, hash below.
  private var keys: [UInt64]

  init(_ hashes: [UInt32]) {
    keys = hashes.indices.map { UInt64($0) << 32 | UInt64(hashes[$0]) }
    sort(by: 0)
    sort(by: Self.bits)
  }

  private mutating func sort(by shift: UInt64) {
    var starts = [Int](repeating: 0, count: Int(Self.mask) + 2)
    for key in keys { starts[Int(key >> shift & Self.mask) + 1] += 1 }
    for digit in 0...Int(Self.mask) { starts[digit + 1] += starts[digit] }
    var sorted = keys
    for key in keys {
      let digit = Int(key >> shift & Self.mask)
      sorted[starts[digit]] = key
      starts[digit] += 1
    }
    keys = sorted
  }

  /// Calls `body` with the positions of each group of more than one.
  func forEachGroup(_ body: ([Int]) -> Void) {
    let mask: UInt64 = 1 << (2 * Self.bits) - 1
    var start = 0
    while start < keys.count {
      var end = start + 1
      while end < keys.count, (keys[end] ^ keys[start]) & mask == 0 { end += 1 }
      if end - start > 1 { body(keys[start..<end].map { Int($0 >> 32) }) }
      start = end
    }
  }
}
