/// SentencePiece's `precompiled_charsmap`: what prefixes of a text become.
///
///     | n: u32 | double array, n bytes | replacements, each ends with a zero byte |
///
/// The array is that of Darts-clone: one `u32` for each node.
public struct CharsMap: Sendable {
  /// Longer replacements are cut off; the longest of NFKC has 33 bytes (U+FDFA).
  private static let replacementLimit = 256

  private let units: [UInt32]
  private let replacements: [UInt8]

  /// Throws `TokenizerError.malformed`; `place` says where the map is.
  public init(_ bytes: [UInt8], place: String) throws(TokenizerError) {
    guard bytes.count >= 4 else {
      throw .malformed(place: place, reason: "a character map of \(bytes.count) bytes")
    }
    func word(_ offset: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) }
    }
    let size = Int(word(0))
    guard size % 4 == 0, size >= 4, size <= bytes.count - 4 else {
      throw .malformed(place: place, reason: "a character map whose trie has \(size) bytes")
    }
    units = stride(from: 4, to: 4 + size, by: 4).map(word)
    replacements = Array(bytes[(4 + size)...])
  }

  /// Replacements of prefixes of text from an offset: the shortest prefix that has
  /// one, or the longest.
  func replacement(
    _ text: Span<UInt8>, at start: Int, end: Int, longest: Bool
  ) -> (length: Int, bytes: Range<Int>)? {
    var node = CharsMap.offset(units[0])
    var found: (length: Int, value: Int)?
    for offset in start..<end {
      node ^= Int(text[offset])
      guard text[offset] != 0, node < units.count else { break }
      let unit = units[node]
      // A leaf has its top bit set, so it is no byte's label.
      guard unit & 0x8000_00FF == UInt32(text[offset]) else { break }
      node ^= CharsMap.offset(unit)
      guard unit >> 8 & 1 != 0 else { continue }
      guard node < units.count else { break }
      found = (offset - start + 1, Int(units[node] & 0x7FFF_FFFF))
      if !longest { break }
    }
    guard let found, found.value < replacements.count else { return nil }
    let rest = replacements[found.value...].prefix(Self.replacementLimit)
    return (found.length, found.value..<(rest.firstIndex(of: 0) ?? rest.endIndex))
  }

  func bytes(_ range: Range<Int>) -> ArraySlice<UInt8> { replacements[range] }

  private static func offset(_ unit: UInt32) -> Int {
    Int(unit >> 10) << (Int(unit >> 9 & 1) * 8)
  }

  /// As the Hugging Face library applies it: a grapheme of up to five bytes becomes
  /// what its shortest mapped prefix becomes; otherwise each of its scalars does.
  package func normalizedByGrapheme(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    let text = bytes.span
    var offset = 0
    for character in String(decoding: bytes, as: UTF8.self) {
      // Text that was not UTF-8 is longer as a string; its rest is left as it is.
      let end = Swift.min(offset + character.utf8.count, bytes.count)
      if end - offset < 6, offset < end,
        let mapped = replacement(text, at: offset, end: end, longest: false)
      {
        result += self.bytes(mapped.bytes)
        offset = end
      }
      while offset < end {
        let length = decodeScalar(text, at: offset, end: end).length
        if let mapped = replacement(text, at: offset, end: offset + length, longest: false) {
          result += self.bytes(mapped.bytes)
        } else {
          result += bytes[offset..<offset + length]
        }
        offset += length
      }
    }
    return result
  }
}
