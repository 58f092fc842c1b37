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

  /// The byte of each scalar; −1 for none.
  private static let bytes: [Int16] = {
    var bytes = [Int16](repeating: -1, count: 0x200)
    for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar)] = Int16(byte) }
    return bytes
  }()

  static func encoded(_ text: some Sequence<UInt8>) -> [UInt8] {
    utf8(of: text.lazy.map { scalars[Int($0)] })
  }

  /// The bytes that characters stand for; nil if one stands for none.
  static func decoded(_ text: some Sequence<UInt8>) -> [UInt8]? {
    var result: [UInt8] = []
    return append(text, to: &result) ? result : nil
  }

  /// Appends the bytes that characters stand for; nothing, and false, if one stands
  /// for none. Characters of the alphabet have two bytes at most.
  static func append(_ text: some Sequence<UInt8>, to result: inout [UInt8]) -> Bool {
    let start = result.count
    var lead: UInt32?
    for byte in text {
      var scalar = UInt32(byte)
      if let first = lead {
        guard byte & 0xC0 == 0x80 else { break }
        scalar = (first & 0x1F) << 6 | scalar & 0x3F
        lead = nil
      } else if (0xC2...0xC7).contains(byte) {
        lead = scalar
        continue
      } else if byte >= 0x80 {
        lead = scalar
        break
      }
      guard bytes[Int(scalar)] >= 0 else {
        lead = scalar
        break
      }
      result.append(UInt8(truncatingIfNeeded: bytes[Int(scalar)]))
    }
    guard lead != nil else { return true }
    result.removeLast(result.count - start)
    return false
  }
}
