/// The metadata of a GGUF file inside another file's, so that nothing of it, the
/// tokenizer's tables among it, is lost on the way from GGUF to GGUF: as `pare.gguf` a
/// GGUF file without tensors, in base 64.
enum EmbeddedGGUF {
  static let key = "pare.gguf"
  private static let version: UInt32 = 3

  /// All pairs but those of a file in parts.
  static func text(of metadata: GGUFMetadata) -> String {
    let pairs = metadata.entries.filter { !$0.key.hasPrefix(GGUFPairs.splitPrefix) }
    var bytes = Array("GGUF".utf8) + GGUFWriter.bytes(version)
    bytes += GGUFWriter.bytes(UInt64(0)) + GGUFWriter.bytes(UInt64(pairs.count))
    for entry in pairs {
      let pair = GGUFPair(entry, in: metadata.file)
      bytes += GGUFWriter.bytes(pair.key) + GGUFWriter.bytes(pair.kind.rawValue) + pair.value
    }
    return Base64.text(bytes)
  }

  /// Takes it out of a file's metadata; what is damaged is warned about.
  static func read(into index: inout CheckpointIndex) {
    guard index.gguf == nil, let text = index.metadata.removeValue(forKey: key) else { return }
    do throws(CheckpointError) {
      guard let bytes = Base64.bytes(text) else {
        throw .invalidGGUF(offset: 0, reason: "it is not base 64")
      }
      let file = Bytes(bytes)
      guard file.starts(with: GGUFHeader.magic) else {
        throw .invalidGGUF(offset: 0, reason: "it does not begin with GGUF")
      }
      index.gguf = try GGUFHeader(file).metadata
    } catch {
      index.warnings.append("metadata \(key) is ignored: \(error)")
    }
  }
}

/// Bytes as text of 64 characters (RFC 4648, section 4).
private enum Base64 {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let padding = UInt8(ascii: "=")

  static func text(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let count = min(3, bytes.count - start)
      var word = 0
      for place in 0..<3 { word = word << 8 | (place < count ? Int(bytes[start + place]) : 0) }
      for place in 0..<4 {
        text.append(place <= count ? alphabet[word >> (18 - 6 * place) & 63] : padding)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes that the text encodes; nil if it is malformed.
  static func bytes(_ text: String) -> [UInt8]? {
    var values = [UInt8](repeating: 0xFF, count: 256)
    for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
    let characters = Array(text.utf8)
    guard characters.count % 4 == 0 else { return nil }
    let padded = characters.suffix(2).count { $0 == padding }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(characters.count / 4 * 3)
    for start in stride(from: 0, to: characters.count, by: 4) {
      let isLast = start + 4 == characters.count
      let count = isLast ? 4 - padded : 4
      var word = 0
      for place in 0..<4 {
        let value = place < count ? values[Int(characters[start + place])] : 0
        guard value < 64 else { return nil }
        word = word << 6 | Int(value)
      }
      for place in 0..<count - 1 { bytes.append(UInt8(word >> (16 - 8 * place) & 0xFF)) }
    }
    return bytes
  }
}
