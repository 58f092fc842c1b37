/// The sequence that asks a terminal to put a text on the clipboard: OSC 52 of xterm's control
/// sequences, the text as UTF-8 in base 64 (RFC 4648).
public enum ClipboardSequence {
  /// Terminals drop longer sequences; xterm takes about as much.
  public static let byteLimit = 74_994

  private static let digits = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// Nil for a text that is too long.
  public static func of(_ text: String) -> String? {
    guard text.utf8.count <= byteLimit else { return nil }
    return "\u{1B}]52;c;" + base64(Array(text.utf8)) + "\u{07}"
  }

  private static func base64(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = (0..<3).map { start + $0 < bytes.count ? Int(bytes[start + $0]) : 0 }
      let bits = group[0] << 16 | group[1] << 8 | group[2]
      let used = min(bytes.count - start, 3) + 1
      for place in 0..<4 {
        let digit = digits[bits >> (18 - 6 * place) & 63]
        text.append(place < used ? digit : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
