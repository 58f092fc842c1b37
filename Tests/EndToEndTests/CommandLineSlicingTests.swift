import Foundation
import Testing

/// `pare convert --slice`, and every command on what it writes.
@Suite struct CommandLineSlicingTests {
  static let model = Fixtures.checkpoint("tiny.safetensors")

  /// A folder with `pruned`, of which channels are gone and in the first block all
  /// heads, and `sliced`.
  static func scratch() throws -> (Scratch, Program.Outcome) {
    let scratch = try Scratch()
    let steps = [
      ["prune", model, "-o", "a", "--structure", "channel", "--amount", "0.4"],
      [
        "prune", "a", "-o", "pruned", "--structure", "channel", "--amount", "1", "--layers",
        "block.0.attn.c_attn",
      ],
    ]
    for step in steps {
      let outcome = try Program.run(step, in: scratch)
      #expect(outcome.status == 0, "\(outcome.error)")
    }
    let outcome = try Program.run(
      ["convert", "pruned", "-o", "sliced", "--slice", "--json"], in: scratch)
    #expect(outcome.status == 0, "\(outcome.error)")
    return (scratch, outcome)
  }

  static func words(_ scratch: Scratch) throws {
    let text = String(repeating: "To be, or not to be: that is the question.\n", count: 30)
    try Data(text.utf8).write(to: scratch.url.appendingPathComponent("text"))
  }

  @Test func saysWhatWentAndKeepsTheLoss() throws {
    let (scratch, outcome) = try Self.scratch()
    try Self.words(scratch)
    let fields = outcome.fields
    #expect(fields["is_unchanged"] as? Bool == false)
    let removed = try #require(fields["removed"] as? [String: Int])
    #expect(removed["heads"] == 2)
    #expect(try #require(removed["hidden_channels"]) >= 2 * 51)
    #expect(try scratch.bytes("sliced").count == fields["bytes"] as? Int)
    let (before, after) = (fields["input_parameters"] as? Int, fields["parameters"] as? Int)
    #expect(try #require(after) < #require(before))
    let losses = try ["pruned", "sliced"].map { file in
      let measured = try Program.run(["eval", file, "--text", "text", "--json"], in: scratch)
      return try #require(measured.fields["loss"] as? Double, "\(measured.error)")
    }
    #expect(abs(losses[0] - losses[1]) < 1e-5 * losses[0])
    let listing = try Program.run(["inspect", "sliced", "--json"], in: scratch)
    let tensors = try #require(listing.fields["tensors"] as? [[String: Any]])
    #expect(tensors.allSatisfy { ($0["encoding"] as? String) == "dense" })
    let total = tensors.reduce(0) {
      $0 + (($1["shape"] as? [Int]) ?? []).reduce(1, *)
    }
    #expect(total == after)
  }

  @Test func twiceIsOnceAndWholeNetworksStay() throws {
    let (scratch, _) = try Self.scratch()
    let again = try Program.run(["convert", "sliced", "-o", "again", "--slice"], in: scratch)
    #expect(again.status == 0, "\(again.error)")
    #expect(again.output.contains("the same network as sliced"), "\(again.output)")
    #expect(try scratch.bytes("again") == scratch.bytes("sliced"))
    let whole = try Program.run(["convert", Self.model, "-o", "whole", "--slice"], in: scratch)
    #expect(whole.output.contains("none can go"), "\(whole.output)")
    #expect(
      try Program.run(["convert", Self.model, "-o", "dense", "--dense"], in: scratch).status == 0)
    #expect(try scratch.bytes("whole") == scratch.bytes("dense"))
    let told = try Program.run(["convert", "pruned", "-o", "told", "--slice"], in: scratch)
    #expect(told.output.contains("2 of 4 heads"), "\(told.output)")
    #expect(try scratch.bytes("told") == scratch.bytes("sliced"))
  }

  /// `pare slice`, a recipe and `convert --slice` make the same network; GGUF of it runs, too.
  @Test func theSameByEveryWay() throws {
    let (scratch, _) = try Self.scratch()
    try Self.words(scratch)
    try Data("pare: 1\npasses:\n  - slice: {}\n".utf8).write(
      to: scratch.url.appendingPathComponent("recipe"))
    let commands = [
      ["slice", "pruned", "-o", "dense", "--dense"], ["slice", "pruned", "-o", "packed"],
      ["run", "recipe", "pruned", "-o", "replayed"], ["slice", "pruned", "-o", "a.gguf"],
      ["convert", "pruned", "-o", "b.gguf", "--slice"],
      ["convert", "pruned", "-o", "c.gguf", "--slice", "--type", "q8_0"],
    ]
    for command in commands {
      let outcome = try Program.run(command, in: scratch)
      #expect(outcome.status == 0, "\(command): \(outcome.error)")
      #expect(outcome.output.contains("parameters 27,840 → "), "\(outcome.output)")
      let isGGUF = command.contains { $0.hasSuffix(".gguf") }
      #expect(outcome.error.contains("llama.cpp will not load") == isGGUF)
    }
    #expect(try scratch.bytes("dense") == scratch.bytes("sliced"))
    #expect(try scratch.bytes("packed") == scratch.bytes("replayed"))
    #expect(try scratch.bytes("a.gguf") == scratch.bytes("b.gguf"))
    let losses = try ["pruned", "packed", "a.gguf"].map { file in
      let measured = try Program.run(["eval", file, "--text", "text", "--json"], in: scratch)
      return try #require(measured.fields["loss"] as? Double, "\(measured.error)")
    }
    #expect(losses.allSatisfy { abs($0 - losses[0]) < 1e-5 * losses[0] })
    let partial = try Program.run(
      ["slice", "pruned", "-o", "x", "--layers", "*.c_fc"], in: scratch)
    #expect(partial.status == 1)
    #expect(
      partial.error == "pare: slice takes channels out of an attention or an MLP, and none has all "
        + "its layers selected\n", "\(partial.error)")
  }

  @Test func everyCommandReadsASlicedFile() throws {
    let (scratch, _) = try Self.scratch()
    try Self.words(scratch)
    let commands = [
      ["inspect", "sliced"], ["sliced"], ["sliced", "--ascii"],
      ["generate", "sliced", "--prompt", "ROMEO:", "--tokens", "50"],
      ["prune", "sliced", "-o", "half", "--amount", "0.5"],
      ["prune", "sliced", "-o", "inputs", "--structure", "input", "--amount", "0.2"],
      ["quantize", "sliced", "-o", "four", "--bits", "4"],
      ["allocate", "sliced", "-o", "mixed", "--bits", "2"],
      ["convert", "mixed", "-o", "packed", "--packed"],
      ["convert", "inputs", "-o", "smaller", "--slice"],
      ["compare", "sliced", "packed"],
      [
        "train", "text", "-o", "trained", "--from", "sliced", "--preset", "tiny", "--steps", "3",
        "--context", "16", "--batch", "2",
      ],
      [
        "compress", "sliced", "--text", "text", "-o", "compressed", "--target", "2", "--preset",
        "tiny", "--steps", "60", "--context", "16", "--batch", "2",
      ],
    ]
    for command in commands {
      let outcome = try Program.run(command, in: scratch)
      #expect(outcome.status == 0, "\(command): \(outcome.error)")
      #expect(!outcome.output.isEmpty)
    }
    for file in ["half", "smaller", "packed", "trained", "compressed"] {
      let measured = try Program.run(["eval", file, "--text", "text", "--json"], in: scratch)
      #expect((measured.fields["loss"] as? Double)?.isFinite == true, "\(file): \(measured.error)")
    }
  }

  @Test func comparingTellsThatShapesDiffer() throws {
    let (scratch, _) = try Self.scratch()
    let told = try Program.run(["compare", "pruned", "sliced"], in: scratch)
    let lines = told.output.split(separator: "\n", omittingEmptySubsequences: false)
    let reshaped = try #require(
      lines.firstIndex(of: "of different shapes, not compared:"), "\(told.output)")
    let missing = try #require(lines.firstIndex(of: "only in the first:"))
    let row = try #require(
      lines[reshaped..<missing].first { $0.hasPrefix("transformer.h.0.mlp.c_fc.weight") })
    #expect(row.contains("128 × 32") && row.hasSuffix(" %"))
    #expect(lines[missing...].contains { $0.hasPrefix("transformer.h.0.attn.c_attn.weight") })
    #expect(!told.output.contains("layer error –"))
    #expect(lines.contains { $0.hasPrefix("parameters ") && $0.contains(" → ") })
    let fields = try Program.run(["compare", "pruned", "sliced", "--json"], in: scratch).fields
    let shapes = try #require(fields["different_shapes"] as? [[String: Any]])
    #expect(shapes.contains { $0["name"] as? String == "transformer.h.1.attn.c_proj.weight" })
    #expect(fields["agreement"] as? Double == 1)
    #expect(try #require(fields["kl"] as? Double) < 1e-8)
  }

  @Test func refusesWithASentence() throws {
    let (scratch, _) = try Self.scratch()
    let packed = try Program.run(
      ["convert", "pruned", "-o", "x", "--slice", "--packed"], in: scratch)
    #expect(packed.status == 2)
    #expect(packed.error.contains("it excludes --packed"), "\(packed.error)")
    // A record that says other widths than the tensors have.
    var bytes = try scratch.bytes("sliced")
    let key = try #require(bytes.range(of: Data(#"\"mlp\":"#.utf8)))
    bytes[key.upperBound] = bytes[key.upperBound] == 0x39 ? 0x38 : 0x39
    try bytes.write(to: scratch.url.appendingPathComponent("broken"))
    for command in [["eval", "broken"], ["convert", "broken", "-o", "x", "--slice"]] {
      let outcome = try Program.run(command, in: scratch)
      #expect(outcome.status == 1)
      #expect(outcome.error.hasPrefix("pare: This model cannot be run: "), "\(outcome.error)")
      #expect(outcome.error.filter { $0 == "\n" }.count == 1)
    }
    #expect(!scratch.names.contains("x"))
  }
}
