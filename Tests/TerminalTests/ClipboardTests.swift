import Foundation
import Terminal
import Testing

@Suite struct ClipboardTests {
  @Test(arguments: [
    "", "a", "ab", "abc", "pare prune 'ü' --amount 0.5", String(repeating: "x", count: 999),
  ])
  func aTextIsSentInBase64(_ text: String) {
    #expect(
      ClipboardSequence.of(text)
        == "\u{1B}]52;c;" + Data(text.utf8).base64EncodedString() + "\u{07}")
  }

  @Test func whatNoTerminalTakesIsNotSent() {
    #expect(ClipboardSequence.of(String(repeating: "x", count: 74_995)) == nil)
  }
}
