import CheckpointIO
import Foundation
import Tensors
import Testing

/// Commands that write a file: what they write, what they refuse, what they
/// leave behind.
@Suite struct CommandLineSavingTests {
  static let model = Fixtures.checkpoint("tiny.safetensors")

  static let recipe = """
    # pare recipe
    pare: 1
    passes:
      - prune: {amount: 0.5}
        layers: ["block.0.*"]
      - quantize: {bits: 4, granularity: group}
    """

  @Test func prunesAndSaysWhatCameOfIt() throws {
    let scratch = try Scratch()
    let outcome = try Program.run(
      ["prune", Self.model, "-o", "half.safetensors", "--amount", "50%", "--json"], in: scratch)
    #expect(outcome.status == 0)
    #expect(outcome.error.isEmpty)
    let weights = try #require(outcome.fields["weights"] as? Int)
    #expect(outcome.fields["kept_weights"] as? Int == weights / 2)
    #expect(outcome.fields["sparsity"] as? Double == 0.5)
    #expect(try scratch.bytes("half.safetensors").count == outcome.fields["bytes"] as? Int)
    #expect(scratch.names == ["half.safetensors"])
  }

  @Test func worksOnMatchingLayersOnly() throws {
    let scratch = try Scratch()
    let pruned = try Program.run(
      ["prune", Self.model, "-o", "out.safetensors", "--layers", "block.1.mlp.*"], in: scratch)
    #expect(pruned.status == 0)
    let listing = try Program.run(["inspect", "out.safetensors", "--json"], in: scratch)
    let tensors = try #require(listing.fields["tensors"] as? [[String: Any]])
    for tensor in tensors where tensor["role"] as? String == "linear" {
      let layer = try #require(tensor["layer"] as? String)
      let isChosen = tensor["block"] as? Int == 1 && layer.hasPrefix("mlp.")
      #expect(tensor["sparsity"] as? Double == (isChosen ? 0.5 : 0), "\(tensor["name"] ?? "")")
    }
  }

  @Test func aRecipeGivesTheSameBytesEachTime() throws {
    let scratch = try Scratch()
    try Data(Self.recipe.utf8).write(to: scratch.url.appendingPathComponent("recipe.yaml"))
    for (output, threads) in [("a", "1"), ("b", "3")] {
      let outcome = try Program.run(
        ["run", "recipe.yaml", Self.model, "-o", output, "--threads", threads], in: scratch)
      #expect(outcome.status == 0, "\(outcome.error)")
    }
    #expect(try scratch.bytes("a") == scratch.bytes("b"))
    #expect(scratch.names == ["a", "b", "recipe.yaml"])
  }

  @Test func aRecipeIsThePassesOneByOne() throws {
    let scratch = try Scratch()
    try Data(Self.recipe.utf8).write(to: scratch.url.appendingPathComponent("recipe.yaml"))
    let commands = [
      ["run", "recipe.yaml", Self.model, "-o", "whole"],
      ["prune", Self.model, "-o", "first", "--amount", "0.5", "--layers", "block.0.*"],
      ["quantize", "first", "-o", "second", "--bits", "4", "--granularity", "group"],
    ]
    for command in commands {
      #expect(try Program.run(command, in: scratch).status == 0)
    }
    #expect(try scratch.bytes("whole") == scratch.bytes("second"))
  }

  @Test func whatIsPackedComesBackDense() throws {
    let scratch = try Scratch()
    let commands = [
      ["prune", Self.model, "-o", "packed", "--amount", "0.7"],
      ["prune", Self.model, "-o", "dense", "--amount", "0.7", "--dense"],
      ["convert", "packed", "-o", "unpacked", "--dense"],
      ["convert", "dense", "-o", "repacked", "--packed"],
    ]
    for command in commands {
      let outcome = try Program.run(command, in: scratch)
      #expect(outcome.status == 0, "\(outcome.error)")
    }
    #expect(try scratch.bytes("packed").count < scratch.bytes("dense").count)
    #expect(try scratch.bytes("unpacked") == scratch.bytes("dense"))
    #expect(try scratch.bytes("repacked") == scratch.bytes("packed"))
  }

  @Test func aFileOfBlocksIsWrittenAndRead() throws {
    let scratch = try Scratch()
    let written = try Program.run(
      ["convert", Self.model, "-o", "blocks.gguf", "--type", "q8_0", "--json"], in: scratch)
    #expect(written.status == 0, "\(written.error)")
    let inspected = try Program.run(["inspect", "blocks.gguf", "--json"], in: scratch)
    #expect(inspected.output.contains("\"format\": \"gguf\""))
    #expect(inspected.output.contains("\"dtype\": \"Q8_0\""))
    try codesAreCounted(in: "blocks.gguf", inspected.fields, scratch)
    let again = try Program.run(
      ["convert", "blocks.gguf", "-o", "again.gguf", "--type", "Q8_0"], in: scratch)
    #expect(again.status == 0, "\(again.error)")
    #expect(try scratch.bytes("again.gguf") == scratch.bytes("blocks.gguf"))
  }

  /// The tiny model knows the letters of this text.
  @Test func aTextWeighsTheErrorsOfALayersColumns() throws {
    let scratch = try Scratch()
    let text = String(repeating: "to be or not to be\n", count: 20)
    try Data(text.utf8).write(to: scratch.url.appendingPathComponent("text"))
    let plain = ["convert", Self.model, "-o", "plain.gguf", "--type", "q4_1"]
    #expect(try Program.run(plain, in: scratch).status == 0)
    let words = ["convert", Self.model, "-o", "weighted.gguf", "--type", "q4_1", "--text", "text"]
    let told = try Program.run(words + ["--json"], in: scratch)
    #expect(told.status == 0, "\(told.error)")
    let weighted = told.fields["weighted"] as? [String] ?? []
    #expect(!weighted.isEmpty && weighted.allSatisfy { $0.hasPrefix("blk.") })
    #expect((told.fields["weighted_on"] as? String)?.hasPrefix("text, ") == true)
    #expect(try scratch.bytes("weighted.gguf") != scratch.bytes("plain.gguf"))
    let again = try Program.run(words + ["--force", "--threads", "1"], in: scratch)
    #expect(again.output.contains("weighted by their inputs on text"), "\(again.output)")
    let seen = try Program.run(["inspect", "weighted.gguf", "--json"], in: scratch)
    #expect(seen.status == 0)
  }

  /// A file of importance does what the text does that it was measured on.
  @Test(arguments: ["i.gguf", "i.dat"]) func importanceIsKeptInAFile(_ name: String) throws {
    let scratch = try Scratch()
    let text = String(repeating: "to be or not to be\n", count: 20)
    try Data(text.utf8).write(to: scratch.url.appendingPathComponent("text"))
    let measured = try Program.run(
      ["importance", Self.model, "--text", "text", "-o", name, "--json"], in: scratch)
    #expect(measured.status == 0, "\(measured.error)")
    #expect(measured.fields["format"] as? String == (name == "i.dat" ? "dat" : "gguf"))
    #expect(measured.fields["bytes"] as? Int == (try scratch.bytes(name).count))
    #expect(measured.fields["unused_experts"] as? Int == 0)
    let entries = try #require(measured.fields["entries"] as? Int)
    let convert = ["convert", Self.model, "--type", "q4_1", "--json", "-o"]
    let byText = try Program.run(convert + ["text.gguf", "--text", "text"], in: scratch)
    let byFile = try Program.run(convert + ["file.gguf", "--importance", name], in: scratch)
    #expect(byFile.status == 0, "\(byFile.error)")
    #expect(byFile.fields["weighted"] as? [String] == byText.fields["weighted"] as? [String])
    #expect(byFile.fields["weighted_on"] as? String == name)
    #expect((byText.fields["weighted"] as? [String])?.count == entries)
    let files = try ["text.gguf", "file.gguf"].map {
      try Checkpoint.open(scratch.url.appendingPathComponent($0).path)
    }
    #expect(files[1].metadata["quantize.imatrix.file"] == name)
    for file in files {
      #expect(file.metadata["quantize.imatrix.dataset"] == "text")
      #expect(file.metadata["quantize.imatrix.entries_count"] == "\(entries)")
    }
    // The older form has rounded means.
    guard name == "i.gguf" else { return }
    for parameter in files[0].parameters {
      let other = try files[1].parameters[parameter.name]?.tensor()
      #expect(try parameter.tensor().array == other?.array, "\(parameter.name)")
    }
  }

  /// Of a matrix in blocks, by its name and its path; of all else it is told why not.
  private func codesAreCounted(
    in file: String, _ listing: [String: Any], _ scratch: Scratch
  ) throws {
    let tensors = try #require(listing["tensors"] as? [[String: Any]])
    let blocks = try #require(
      tensors.first { $0["dtype"] as? String == "Q8_0" && $0["block"] as? Int == 0 })
    let name = try #require(blocks["name"] as? String)
    let path = "block.0.\(try #require(blocks["layer"] as? String))"
    let weights = try #require(blocks["shape"] as? [Int]).reduce(1, *)
    for word in [name, path] {
      let told = try Program.run(["inspect", file, word, "--json"], in: scratch)
      #expect(told.status == 0 && told.fields["layer"] as? String == path, "\(told.error)")
      let codes = try #require(told.fields["codes"] as? [String: Any])
      let counts = (codes["counts"] as? [[String: Int]] ?? []).compactMap { $0["weights"] }
      #expect(counts.count == 256 && counts.reduce(0, +) == weights)
      #expect(codes["code_bits"] as? Double == 8 && codes["scale_bits"] as? Double == 0.5)
      #expect(told.fields["bits_per_weight"] as? Double == 8.5)
    }
    let text = try Program.run(["inspect", file, name], in: scratch)
    #expect(
      text.output.contains(
        "8.500 bits per weight: codes 8.000, scales 0.5000; 32 weights share a scale"))
    let numbers = try #require(
      tensors.first { $0["dtype"] as? String == "F32" }?["name"] as? String)
    let plain = try Program.run(["inspect", file, numbers, "--json"], in: scratch)
    #expect(
      plain.fields["reason"] as? String
        == "These weights are numbers of type f32: they have no codes.")
    let unknown = try Program.run(["inspect", file, "no.such"], in: scratch)
    #expect(unknown.status == 1)
    #expect(
      unknown.error == "pare: \(file) has no layer no.such; pare inspect lists its tensors\n")
  }

  @Test func theNameOrTheOptionDecidesTheFormat() throws {
    let scratch = try Scratch()
    for (command, format) in [
      (["convert", Self.model, "-o", "a.pt"], "pytorch"),
      (["convert", Self.model, "-o", "a.bin", "--format", "safetensors"], "safetensors"),
      (["prune", Self.model, "-o", "b.pth", "--amount", "0.5"], "pytorch"),
      (["convert", Self.model, "-o", "c", "--format", "pytorch", "--dtype", "bf16"], "pytorch"),
      (["convert", "a.pt", "-o", "d.safetensors"], "safetensors"),
    ] {
      let told = try Program.run(command + ["--json"], in: scratch)
      #expect(told.status == 0, "\(told.error)")
      #expect(told.fields["format"] as? String == format)
      let seen = try Program.run(["inspect", command[3], "--json"], in: scratch)
      #expect(seen.fields["format"] as? String == format)
    }
    let same = try Program.run(["compare", Self.model, "a.pt", "--json"], in: scratch)
    #expect(same.fields["layer_error"] as? Double == 0 && same.fields["kl"] as? Double == 0)
    let rounded = try Program.run(["convert", "a.pt", "-o", "e", "--dtype", "bf16"], in: scratch)
    #expect(rounded.output.contains("lost: "))
    let pruned = try Program.run(["prune", "a.pt", "-o", "g"], in: scratch)
    #expect(!pruned.output.contains("lost"))
    let kept = try Program.run(["convert", "a.pt", "-o", "f"], in: scratch)
    #expect(kept.output.contains("nothing lost"))
  }

  @Test func shardsAreWrittenWithTheirIndex() throws {
    let scratch = try Scratch()
    let words = ["convert", Self.model, "-o", "m.safetensors", "--shard-size", "40kB"]
    let told = try Program.run(words + ["--json"], in: scratch)
    #expect(told.status == 0, "\(told.error)")
    let files = try #require(told.fields["files"] as? [String])
    #expect(files.count > 2 && files.last == "m.safetensors.index.json")
    #expect(scratch.names == files.sorted())
    let same = try Program.run(
      ["compare", Self.model, "m.safetensors.index.json", "--json"], in: scratch)
    #expect(same.fields["layer_error"] as? Double == 0 && same.fields["kl"] as? Double == 0)
    let refused = try Program.run(words, in: scratch)
    #expect(refused.status == 1 && refused.error.contains("--force overwrites it"))
    #expect(try Program.run(words + ["--force"], in: scratch).status == 0)
    let whole = try Program.run(
      ["convert", Self.model, "-o", "m.safetensors", "--shard-size", "1GB"], in: scratch)
    #expect(whole.status == 1, "the index is there")
    let one = try Program.run(
      ["convert", Self.model, "-o", "n.safetensors", "--shard-size", "1GB"], in: scratch)
    #expect(one.status == 0 && scratch.names.contains("n.safetensors"))
    try Data("mine".utf8).write(to: scratch.url.appendingPathComponent("m.safetensors"))
    let hidden = try Program.run(words + ["--force"], in: scratch)
    #expect(hidden.status == 1 && hidden.error.contains("in place of the shards"))
  }

  @Test func theOutputIsNeverTheInput() throws {
    let scratch = try Scratch()
    let original = try Data(contentsOf: URL(fileURLWithPath: Self.model))
    try original.write(to: scratch.url.appendingPathComponent("model"))
    try FileManager.default.linkItem(atPath: scratch.path("model"), toPath: scratch.path("hard"))
    try FileManager.default.createSymbolicLink(
      atPath: scratch.path("soft"), withDestinationPath: "model")
    for output in ["model", "./model", "hard", "soft"] {
      let outcome = try Program.run(
        ["quantize", "model", "-o", output, "--force"], in: scratch)
      #expect(outcome.status == 2)
      #expect(
        outcome.error == "pare: the output \(output) is the input; write to another file\n")
    }
    #expect(try scratch.bytes("model") == original)
    #expect(scratch.names == ["hard", "model", "soft"])
  }

  @Test func aFileIsOverwrittenOnlyOnRequest() throws {
    let scratch = try Scratch()
    try Data("mine".utf8).write(to: scratch.url.appendingPathComponent("out"))
    let refused = try Program.run(["quantize", Self.model, "-o", "out"], in: scratch)
    #expect(refused.status == 1)
    #expect(refused.error == "pare: out is there already; --force overwrites it\n")
    #expect(try scratch.bytes("out") == Data("mine".utf8))
    let forced = try Program.run(["quantize", Self.model, "-o", "out", "--force"], in: scratch)
    #expect(forced.status == 0)
    #expect(try scratch.bytes("out") != Data("mine".utf8))
  }

  @Test(arguments: [
    (["prune", model], 2, "Missing expected argument '--output <file>'"),
    (["prune", model, "-o", "x", "--amount", "3"], 2, "prune amount is a number from 0"),
    (["prune", model, "-o", "x", "--method", "best"], 2, "prune method is one of"),
    (["prune", model, "-o", "x", "--structure", "n:m", "--n", "8"], 2, "n is at most m"),
    (["quantize", model, "-o", "x", "--bits", "2.5"], 2, "quantize bits is a whole number"),
    (["quantize", model, "-o", "x", "--threads", "0"], 2, "--threads is a whole number"),
    (["convert", model, "-o", "x", "--packed", "--dtype", "f16"], 2, "--dtype needs --dense"),
    (["convert", model, "-o", "x", "--dtype", "int8"], 2, "--dtype"),
    (["convert", model, "-o", "x", "--type", "iq4_xs"], 2, "--type"),
    (["convert", model, "-o", "x", "--type", "q4_0", "--packed"], 2, "--type writes GGUF"),
    (["convert", model, "-o", "x", "--text", "bad.yaml"], 2, "--text weighs"),
    (["convert", model, "-o", "x", "--type", "q8_0", "--text", "bad.yaml"], 2, "no importance"),
    (["convert", model, "-o", "x", "--type", "q4_0", "--text", "no.txt"], 1, "no.txt"),
    (["convert", model, "-o", "x", "--type", "q4_0", "--part", "validation"], 2, "--part needs"),
    (["convert", model, "-o", "x", "--importance", "bad.yaml"], 2, "--importance weighs"),
    (["convert", model, "-o", "x", "--type", "q8_0", "--importance", "i"], 2, "no importance"),
    (["convert", model, "-o", "x", "--type", "q4_0", "--importance", "no"], 1, "cannot open no"),
    (
      ["convert", model, "-o", "x", "--type", "q4_0", "--importance", "bad.yaml"], 1,
      "cannot use the importance file bad.yaml"
    ),
    (
      ["convert", model, "-o", "x", "--type", "q4_0", "--importance", "a", "--text", "b"], 2,
      "takes the place of --text"
    ),
    (["importance", model, "-o", "x", "--context", "1"], 2, "--context is"),
    (["importance", model, "-o", "x", "--part", "validation"], 2, "--part needs"),
    (["importance", model, "-o", "x", "--text", "no.txt"], 1, "no.txt"),
    (["convert", model, "-o", "x.gguf", "--packed"], 2, "needs safetensors"),
    (["convert", model, "-o", "x.pt", "--packed"], 2, "a PyTorch file is dense"),
    (["convert", model, "-o", "x", "--format", "onnx"], 2, "--format"),
    (["convert", model, "-o", "x", "--format", "pytorch", "--type", "q8_0"], 2, "exclude"),
    (["convert", model, "-o", "x", "--shard-size", "1MB"], 2, "must end in .safetensors"),
    (["convert", model, "-o", "x.pt", "--shard-size", "1MB"], 2, "--shard-size splits"),
    (["convert", model, "-o", "x.safetensors", "--shard-size", "-1"], 2, "--shard-size"),
    (["convert", model, "-o", "x.safetensors", "--shard-size", "1e99GB"], 2, "--shard-size"),
    (["prune", model, "-o", "x.gguf", "--packed"], 2, "needs safetensors"),
    (["prune", model, "-o", "x", "--type", "q8_0", "--dense"], 2, "--type writes GGUF"),
    (["prune", model, "-o", "x.pt", "--packed"], 2, "a PyTorch file is dense"),
    (["prune", model, "-o", "x", "--text", "bad.yaml"], 2, "--text weighs"),
    (["prune", model, "-o", "x", "--layers", "nothing"], 1, "no layer matches nothing"),
    (["prune", model, "-o", "nowhere/x"], 1, "there is no folder nowhere"),
    (["prune", model, "-o", "."], 1, "it is a folder"),
    (["run", "nothing.yaml", model, "-o", "x"], 1, "there is no such file"),
    (["run", "/", model, "-o", "x"], 1, "it is not a file"),
    (["run", "bad.yaml", model, "-o", "x"], 1, "line 3 of the recipe"),
  ])
  func refusesWithASentence(_ arguments: [String], _ status: Int32, _ part: String) throws {
    let scratch = try Scratch()
    try Data("pare: 1\npasses:\n  - shrink: {}\n".utf8)
      .write(to: scratch.url.appendingPathComponent("bad.yaml"))
    let outcome = try Program.run(arguments, in: scratch)
    #expect(outcome.status == status, "\(outcome.error)")
    #expect(outcome.error.hasPrefix("pare: "))
    #expect(outcome.error.contains(part), "\(outcome.error)")
    #expect(outcome.error.filter { $0 == "\n" }.count == 1)
    #expect(outcome.output.isEmpty)
    #expect(scratch.names == ["bad.yaml"])
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func anInterruptLeavesNothing(_ signal: Int32) throws {
    let scratch = try Scratch()
    let model = Fixtures.checkpoint("shakespeare-char.safetensors")
    let running = try Program.start(
      ["quantize", model, "-o", "out", "--bits", "3", "--scale", "mse"], in: scratch)
    // The signal may come at any moment, before the handler stands included:
    // then the default action ends the program, which leaves nothing either.
    _ = kill(running.process.processIdentifier, signal)
    running.process.waitUntilExit()
    if running.process.terminationReason == .exit {
      #expect(running.process.terminationStatus == 130)
    } else {
      #expect(running.process.terminationStatus == signal)
    }
    #expect(scratch.names.isEmpty)
  }
}
