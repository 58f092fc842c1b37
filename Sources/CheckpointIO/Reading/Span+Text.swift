/// Comparing names byte by byte, without the rules by which text is equal.
extension Span<UInt8> {
  /// Whether the last bytes are these.
  @inline(__always)
  func ends(with ending: [UInt8]) -> Bool {
    guard count >= ending.count else { return false }
    var (place, other) = (count - 1, ending.count - 1)
    while other >= 0 {
      guard self[place] == ending[other] else { return false }
      place -= 1
      other -= 1
    }
    return true
  }

  /// Whether both have the same bytes.
  @inline(__always)
  func isEqual(to other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    var offset = 0
    while offset < count {
      guard word(at: offset) == other.word(at: offset) else { return false }
      offset += 8
    }
    return true
  }

  /// The little-endian number in up to eight bytes from an offset on, 0 for what lies behind
  /// the end.
  @inline(__always)
  func word(at offset: Int) -> UInt64 {
    if offset <= count - 8 {
      // Any eight bytes are a number.
      return UInt64(
        littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
    var word: UInt64 = 0
    for index in stride(from: count - 1, through: offset, by: -1) {
      word = word << 8 | UInt64(self[index])
    }
    return word
  }
}
