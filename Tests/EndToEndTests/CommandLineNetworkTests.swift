import Foundation
import Testing

/// What is taken for granted of a network whose file does not say it, and how to say it.
@Suite struct CommandLineNetworkTests {
  static let tiny = Fixtures.checkpoint("tiny.safetensors")

  /// The tiny checkpoint without its metadata.
  private func bare(in scratch: Scratch) throws -> String {
    let data = try Data(contentsOf: URL(fileURLWithPath: Self.tiny))
    let length = data.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
    var header = try #require(
      try JSONSerialization.jsonObject(with: data[8..<8 + length]) as? [String: Any])
    header["__metadata__"] = nil
    var text = try JSONSerialization.data(withJSONObject: header, options: .sortedKeys)
    while text.count % 8 != 0 { text.append(0x20) }
    let count = (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }
    try (Data(count) + text + data[(8 + length)...]).write(
      to: scratch.url.appendingPathComponent("bare.safetensors"))
    return "bare.safetensors"
  }

  private func loss(_ words: [String], in scratch: Scratch) throws -> (Double, error: String) {
    let outcome = try Program.run(["eval"] + words + ["--json"], in: scratch)
    #expect(outcome.status == 0, "\(outcome.error)")
    return (try #require(outcome.fields["loss"] as? Double), outcome.error)
  }

  @Test func whatIsTakenForGrantedIsToldAndCanBeSaid() throws {
    let scratch = try Scratch()
    let file = try bare(in: scratch)
    let heads = "2"
    let original = try loss([Self.tiny], in: scratch)
    #expect(original.error.isEmpty)
    let options = ["--heads", heads, "--activation", "gelu"]
    let said = try loss([file] + options, in: scratch)
    #expect(said.0 == original.0 && said.error.isEmpty)
    for command in [["generate", "--tokens", "1"], ["eval"]] {
      let outcome = try Program.run(
        [command[0], file] + command.dropFirst() + ["--heads", heads], in: scratch)
      #expect(outcome.error.contains("--activation") && !outcome.error.contains("--heads"))
    }
    let other = try Program.run(["eval", file], in: scratch)
    // A width that is no multiple of 64 is refused, and the option named.
    #expect(other.error.contains("--heads"), "\(other.error)")
    // Training goes on from it, too, and says nothing that is known.
    try Data(String(repeating: "To be, or not to be: ", count: 50).utf8)
      .write(to: scratch.url.appendingPathComponent("text"))
    for words in [["train", "text", "--from", file], ["compress", file, "--text", "text"]] {
      let outcome = try Program.run(
        words + ["-o", "trained", "--steps", "1", "--force"] + options, in: scratch)
      // Without a vocabulary no text can be read.
      #expect(outcome.status == 1 && outcome.error.contains("which characters its tokens are"))
      #expect(!outcome.error.contains("no setting says"), "\(outcome.error)")
    }
    // What was said is kept by a conversion.
    for name in ["kept.safetensors", "kept.pt", "kept.gguf"] {
      let converted = try Program.run(["convert", file, "-o", name] + options, in: scratch)
      #expect(converted.status == 0, "\(converted.error)")
      let again = try loss([name], in: scratch)
      #expect(again.0 == original.0 && again.error.isEmpty, "\(name): \(again.error)")
    }
  }

  @Test func aNewNetworkHasItsOwnActivation() throws {
    let outcome = try Program.run(
      ["train", Self.tiny, "-o", "a", "--activation", "gelu"], in: Scratch())
    #expect(outcome.status == 2 && outcome.error.contains("--from"), "\(outcome.error)")
  }

  @Test(arguments: ["0", "-1", "x"]) func headsAreACount(_ heads: String) throws {
    let outcome = try Program.run(["eval", Self.tiny, "--heads=\(heads)"], in: Scratch())
    #expect(outcome.status == 2 && outcome.error.contains("--heads"), "\(outcome.error)")
  }

  @Test(.enabled(if: Fixtures.shared != nil)) func theSharedCaseIsToldAndSaid() throws {
    let folder = try #require(Fixtures.shared).appendingPathComponent("cases/48-heads-unknown")
    let text = folder.appendingPathComponent("text.txt").path
    let scratch = try Scratch()
    for (name, isKnown) in [
      ("with-vocab.safetensors", false), ("with-vocab-heads.safetensors", true),
    ] {
      let file = folder.appendingPathComponent(name).path
      let outcome = try loss([file, "--text", text], in: scratch)
      #expect(outcome.error.contains("2 heads of 64") == !isKnown, "\(outcome.error)")
    }
    let known = try loss(
      [folder.appendingPathComponent("with-vocab-heads.safetensors").path, "--text", text],
      in: scratch)
    let said = try loss(
      [
        folder.appendingPathComponent("with-vocab.safetensors").path, "--text", text, "--heads",
        "4", "--activation", "gelu",
      ], in: scratch)
    #expect(said.0 == known.0 && said.error.isEmpty)
  }

  /// GPT-2 of a folder, through every format and back.
  @Test(.enabled(if: Fixtures.shared != nil)) func everyFormatKeepsTheSettings() throws {
    let folder = try #require(Fixtures.shared).appendingPathComponent("samples/tiny_gpt2_hf").path
    let scratch = try Scratch()
    var (last, losses) = (folder, [try loss([folder], in: scratch).0])
    for name in ["a.pt", "b.safetensors", "c.gguf", "d.safetensors", "e.pt"] {
      let outcome = try Program.run(["convert", last, "-o", name], in: scratch)
      #expect(outcome.status == 0, "\(outcome.error)")
      let next = try loss([name], in: scratch)
      #expect(next.error.isEmpty)
      losses.append(next.0)
      last = name
    }
    #expect(Set(losses).count == 1, "\(losses)")
  }

  /// Passes say what they leave alone.
  @Test(.enabled(if: Fixtures.shared != nil)) func whatIsLeftAloneIsTold() throws {
    let cases = try #require(Fixtures.shared).appendingPathComponent("cases")
    let scratch = try Scratch()
    let towers = try Program.run(
      ["prune", cases.appendingPathComponent("40-two-towers/hf").path, "-o", "a"], in: scratch)
    #expect(towers.status == 0 && towers.error.contains("vision_tower"), "\(towers.error)")
    let adapter = try Program.run(
      ["prune", cases.appendingPathComponent("11-lora-adapter/adapter").path, "-o", "b"],
      in: scratch)
    #expect(adapter.status == 1 && adapter.error.contains("factor"), "\(adapter.error)")
  }
}
