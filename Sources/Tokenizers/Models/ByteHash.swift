/// A hash of bytes: 64-bit multiplications folded (as in wyhash), with a seed of the
/// process so that no file can choose strings that collide.
enum ByteHash {
  private static let seed = UInt64.random(in: .min ... .max)

  @inline(__always)
  static func hash(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt64 {
    var hash = seed ^ UInt64(truncatingIfNeeded: range.count)
    var offset = range.lowerBound
    while offset + 8 <= range.upperBound {
      hash = mix(hash ^ word(bytes, offset, 8))
      offset += 8
    }
    if offset < range.upperBound {
      hash = mix(hash ^ word(bytes, offset, range.upperBound - offset))
    }
    return hash
  }

  @inline(__always)
  static func word(_ bytes: Span<UInt8>, _ offset: Int, _ count: Int) -> UInt64 {
    // Safe: any eight bytes are an integer, and the span checks its bounds.
    if count == 8 {
      return unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }
    var word: UInt64 = 0
    for position in 0..<count { word = word << 8 | UInt64(bytes[offset + position]) }
    return word
  }

  @inline(__always)
  static func mix(_ value: UInt64) -> UInt64 {
    // An odd number with as many ones as zeros (2⁶⁴ divided by the golden ratio).
    let product = (value ^ seed).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
    return product.high ^ product.low
  }
}

/// Ids by bytes; of several equal strings the first one added is found.
struct ByteMap: Sendable {
  private let strings: ByteStrings
  private var slots: [Int32]
  private let mask: Int

  /// `ids`: which of the strings can be found.
  init(_ strings: ByteStrings, ids: some Sequence<Int>) {
    self.strings = strings
    var capacity = 16
    while capacity < strings.count * 2 { capacity *= 2 }
    slots = [Int32](repeating: -1, count: capacity)
    mask = capacity - 1
    for id in ids where !strings[id].isEmpty {
      let range = strings.range(id)
      let slot = slot(strings.storage.span, range)
      if slots[slot] < 0 { slots[slot] = Int32(id) }
    }
  }

  /// The id of bytes; −1 if they have none.
  @inline(__always)
  func id(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int32 { slots[slot(bytes, range)] }

  func id(_ bytes: some Collection<UInt8>) -> Int32 {
    let bytes = Array(bytes)
    return id(bytes.span, 0..<bytes.count)
  }

  private func slot(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int {
    let stored = strings.storage.span
    var slot = Int(truncatingIfNeeded: ByteHash.hash(bytes, range)) & mask
    while slots[slot] >= 0 {
      let other = strings.range(Int(slots[slot]))
      if other.count == range.count, areEqual(bytes, range, stored, other.lowerBound) {
        return slot
      }
      slot = (slot + 1) & mask
    }
    return slot
  }
}

/// Whether bytes of a range are those of another text from an offset.
@inline(__always)
func areEqual(
  _ bytes: Span<UInt8>, _ range: Range<Int>, _ others: Span<UInt8>, _ start: Int
) -> Bool {
  var offset = 0
  while offset + 8 <= range.count {
    guard
      ByteHash.word(bytes, range.lowerBound + offset, 8)
        == ByteHash.word(others, start + offset, 8)
    else { return false }
    offset += 8
  }
  while offset < range.count {
    guard bytes[range.lowerBound + offset] == others[start + offset] else { return false }
    offset += 1
  }
  return true
}
