/// GPT-2's mapping of bytes to printable characters: those that print stand for
/// themselves, the others for U+0100 and up, in order.
enum ByteAlphabet {
  static let scalars: [UInt32] = {
    var scalars: [UInt32] = []
    var next: UInt32 = 0x100
    for byte in UInt32(0)..<256 {
      let prints =
        (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte)
      scalars.append(prints ? byte : next)
      if !prints { next += 1 }
    }
    return scalars
  }()

  private static let bytes: [UInt32: UInt8] = Dictionary(
    uniqueKeysWithValues: scalars.enumerated().map { ($0.element, UInt8($0.offset)) })

  static func encoded(_ text: some Sequence<UInt8>) -> [UInt8] {
    utf8(of: text.lazy.map { scalars[Int($0)] })
  }

  /// The bytes that characters stand for; nil if one stands for none.
  static func decoded(_ text: some Sequence<UInt8>) -> [UInt8]? {
    var result: [UInt8] = []
    for scalar in Tokenizers.scalars(of: text) {
      guard let byte = bytes[scalar] else { return nil }
      result.append(byte)
    }
    return result
  }
}
