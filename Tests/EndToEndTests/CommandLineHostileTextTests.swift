import CheckpointIO
import Foundation
import Tensors
import Testing

/// What stands in a file, or in its name, is shown by every command and never sent to the
/// terminal: neither in results, nor in JSON, nor in what is said of failures.
@Suite struct CommandLineHostileTextTests {
  static let hostile = [
    "\u{1B}[2J\u{1B}]0;owned\u{7}", "\u{9B}31m\u{90}q\u{9C}", "\u{202E}desrever\u{2066}\u{200F}",
    "\r\u{B}\u{C}\u{85}\u{2028}\u{2029}", "\u{8}\u{7F}\u{E}\u{F}", "\u{AD}\u{FEFF}\u{E0041}",
  ]
  /// A name that a file can have.
  static let name = "evil\u{1B}[31m\u{9B}31m\u{202E}\n\u{7}.safetensors"

  /// A network that runs and whose tokens and names are all of this kind.
  static func write(to scratch: Scratch) throws {
    let tiny = try Checkpoint.open(Fixtures.checkpoint("tiny.safetensors"))
    let count = tiny.vocabulary?.count ?? 0
    let vocabulary = (0..<count).map { $0 == 0 ? "\n" : hostile[$0 % hostile.count] + "\($0)" }
    let odd = hostile.map { text in
      let tensor = Tensor([2, 3], [1, 2, 3, 4, 5, 6])
      return Parameter(
        name: "h.0.\(text).weight", shape: tensor.shape, dtype: .f32,
        place: Place(block: nil, layer: text, role: .other), load: { tensor })
    }
    var metadata = SavePlan.metadata(configuration: tiny.configuration, vocabulary: vocabulary)
    for text in hostile { metadata[text] = text }
    try SavePlan.make(
      parameters: Parameters(Array(tiny.parameters) + odd), metadata: metadata, form: .dense(nil)
    ).write(to: scratch.path("model"))
    try FileManager.default.createDirectory(
      atPath: scratch.path("\(name).d"), withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: scratch.path("model"), toPath: scratch.path(name))
    try Data(Array("nothing".utf8)).write(to: scratch.url.appendingPathComponent("\(name).bad"))
    let recipe = "pare: 1\npasses:\n  - \"\(name.debugDescription.dropFirst().dropLast())\": {}\n"
    try Data(recipe.utf8).write(to: scratch.url.appendingPathComponent("\(name).yaml"))
  }

  static let commands: [(words: [String], status: Int32)] = [
    (["inspect", name], 0), (["inspect", name, "--json"], 0), ([name], 0),
    ([name, "--view", "layer"], 0), (["eval", name], 0), (["eval", name, "--json"], 0),
    (["generate", name, "--tokens", "40"], 0), (["generate", name, "--tokens", "40", "--json"], 0),
    (["generate", name, "--prompt", hostile[0]], 1), (["eval", name, "--text", name], 1),
    (["compare", name, Fixtures.checkpoint("tiny.safetensors")], 0),
    (["compare", name, Fixtures.checkpoint("tiny.safetensors"), "--json"], 0),
    (["prune", name, "-o", "out\(name)"], 0), (["quantize", name, "-o", "o2\(name)", "--json"], 0),
    (["convert", name, "-o", "o3\(name)"], 0), (["convert", name, "-o", "\(name).d"], 1),
    (["prune", name, "-o", name], 2), (["prune", name, "-o", "o4", "--layers", hostile[0]], 1),
    (["convert", name, "--type", "q8_0", "-o", "o5\(name)"], 0),
    (["inspect", "\(name).bad"], 1), (["inspect", "\(name).none"], 1),
    (["inspect", "\(name).d"], 1), (["run", "\(name).yaml", name, "-o", "o6"], 1),
    (["run", name, name, "-o", "o6"], 1), (["inspect", name, hostile[0]], 1), ([hostile[1]], 2),
    (["prune", name, "--amount", hostile[0], "-o", "o7"], 2),
  ]

  @Test func nothingIsSent() throws {
    let scratch = try Scratch()
    try Self.write(to: scratch)
    for (words, status) in Self.commands {
      let outcome = try Program.run(words, in: scratch)
      let shown = words.map(\.debugDescription).joined(separator: " ")
      #expect(outcome.status == status, "\(shown): \(outcome.error.debugDescription)")
      for text in [outcome.output, outcome.error] {
        #expect(Self.commands(in: text) == "", "\(shown) sends what commands a terminal")
      }
      if words.last == "--json" { #expect(outcome.json != nil) }
    }
  }

  /// JSON gives back what is in the file, escapes and all.
  @Test func jsonHasTheNamesAsTheyAre() throws {
    let scratch = try Scratch()
    try Self.write(to: scratch)
    let outcome = try Program.run(["inspect", Self.name, "--json"], in: scratch)
    let tensors = try #require(outcome.fields["tensors"] as? [[String: Any]])
    let names = Set(tensors.compactMap { $0["name"] as? String })
    for text in Self.hostile { #expect(names.contains("h.0.\(text).weight")) }
  }

  /// What a terminal would do anything with but show it, lines aside.
  private static func commands(in text: String) -> String {
    text.unicodeScalars.filter {
      switch $0.properties.generalCategory {
      case .control: $0 != "\n"
      case .format, .lineSeparator, .paragraphSeparator: true
      default: false
      }
    }.map { $0.escaped(asASCII: true) }.joined()
  }
}
