import HostileInput
import TestSupport
import Testing

/// Four times the text costs about four times the memory that is asked for, in the readers of
/// all that stands beside a checkpoint. `LinearTimeTests` has the formats of checkpoints.
@Suite(.enabled(if: Allocations.areCounted)) struct LinearReadingTests {
  private static let count = 150
  /// Quadratic work is 16 times as much.
  private static let limit = 8.0

  /// A text of so many parts.
  static let texts: [(String, Reader, @Sendable (Int) -> String)] = [
    (
      "merges", .tokenizer,
      { count in
        #"{"pre_tokenizer": {"type": "ByteLevel"}, "model": {"type": "BPE", "vocab": "#
          + #"{"a": 0, "b": 1, "ab": 2}, "merges": [\#(LinearReadingTests.list(count) { _ in #""a b""# })]}}"#
      }
    ),
    (
      "members that a tokenizer has no use for", .tokenizer,
      { count in
        #"{"pre_tokenizer": {"type": "ByteLevel"}, "model": {"type": "BPE", "vocab": "#
          + #"{"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}, \#(LinearReadingTests.list(count) { #""k\#($0)": [1]"# })}"#
      }
    ),
    (
      "settings", .configuration,
      { count in "{\(LinearReadingTests.list(count) { #""setting\#($0)": \#($0)"# })}" }
    ),
    (
      "a list of settings", .configuration,
      { count in #"{"architectures": [\#(LinearReadingTests.list(count) { #""a\#($0)""# })]}"# }
    ),
    (
      "steps", .recipe,
      { count in
        "pare: 1\npasses:\n"
          + String(repeating: "  - prune: {amount: 0.5}\n", count: count)
      }
    ),
    (
      "patterns", .recipe,
      { count in
        "pare: 1\npasses:\n  - prune: {amount: 0.5}\n    layers: [\(LinearReadingTests.list(count) { #""a\#($0)""# })]\n"
      }
    ),
    (
      "revisions", .session,
      { count in
        #"{"current":0,"lastVisited":[],"nextNumber":\#(count + 1),"place":{"view":"layer"},"#
          + #""revisions":[{"id":0,"metrics":{"weights":10}},"#
          + LinearReadingTests.list(count) {
            #"{"id":\#($0 + 1),"metrics":{"weights":10},"parent":0,"step":{"layers":{"all":{}},"#
              + #""pass":"prune","settings":[{"name":"amount","value":"0.5"}]}}"#
          } + #"],"textKey":"t","version":1}"#
      }
    ),
    (
      "entries", .log,
      { count in
        LinearReadingTests.line(of: .log)
          + String(repeating: LinearReadingTests.entry, count: count)
      }
    ),
    (
      "lines that make no sense", .log,
      { count in LinearReadingTests.line(of: .log) + String(repeating: "{]\n", count: count) }
    ),
  ]

  private static let entry = #"{"elapsed":1.28,"loss":4.25,"rate":0.01,"step":1}"# + "\n"

  /// The first line of a reader's seed.
  private static func line(of reader: Reader) -> String {
    let text = (try? reader.seeds.first).map { String(decoding: $0, as: UTF8.self) } ?? ""
    return text.split(separator: "\n").first.map { $0 + "\n" } ?? ""
  }

  private static func list(_ count: Int, _ element: (Int) -> String) -> String {
    (0..<count).map(element).joined(separator: ",")
  }

  @Test(arguments: texts.map(\.0)) func textsAreReadInLinearTime(name: String) throws {
    let (_, reader, text) = try #require(Self.texts.first { $0.0 == name })
    let costs = try [Self.count, 4 * Self.count].map { count in
      let bytes = Array(text(count).utf8)
      let folder = TemporaryFolder()
      // Once before, so that nothing is made for the first time.
      try reader.read(bytes, in: folder)
      return Double(try Allocations.bytes { try reader.read(bytes, in: folder) })
    }
    #expect(costs[1] < Self.limit * costs[0], "\(name): \(costs)")
  }
}
