/// What two neighbouring symbols become, and how early: an open hash table.
struct PairTable: Sendable {
  struct Entry: Sendable {
    /// Left symbol above, right symbol below; all ones where a slot is free.
    var pair: UInt64
    /// Smaller ones are merged first.
    var rank: Int32
    var result: Int32
  }

  /// Above every rank.
  static let noRank = Int32.max

  private var entries: [Entry]
  private let mask: Int
  private let shift: UInt64

  /// Of several entries of a pair, the last one counts, as in the Hugging Face library.
  init(count: Int, _ body: (_ add: (Int32, Int32, Int32, Int32) -> Void) -> Void) {
    var bits: UInt64 = 4
    while 1 << bits < count * 2 { bits += 1 }
    shift = 64 - bits
    mask = 1 << bits - 1
    entries = [Entry](
      repeating: Entry(pair: .max, rank: Self.noRank, result: -1), count: 1 << bits)
    body { left, right, rank, result in
      let slot = self.slot(left, right)
      entries[slot] = Entry(pair: Self.pair(left, right), rank: rank, result: result)
    }
  }

  @inline(__always)
  func find(_ left: Int32, _ right: Int32) -> Entry { entries[slot(left, right)] }

  @inline(__always)
  private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  @inline(__always)
  private func slot(_ left: Int32, _ right: Int32) -> Int {
    let pair = Self.pair(left, right)
    var slot = Int(truncatingIfNeeded: ByteHash.mix(pair) >> shift)
    while entries[slot].pair != pair, entries[slot].pair != .max { slot = (slot + 1) & mask }
    return slot
  }
}
