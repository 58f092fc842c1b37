import Foundation
import TestSupport
import Testing

/// No output is lost, and no input is written over.
@Suite struct CommandLineOutputTests {
  private static let model = Fixtures.checkpoint("tiny.safetensors")
  private static let training = [
    "--preset", "tiny", "--steps", "2", "--batch", "1", "--context", "8", "--blocks", "1",
    "--width", "16", "--heads", "1",
  ]

  private func scratch() throws -> Scratch {
    let scratch = try Scratch()
    let text = String(repeating: "To be, or not to be, that is the question.\n", count: 20)
    try Data(text.utf8).write(to: URL(fileURLWithPath: scratch.path("text")))
    return scratch
  }

  /// Several saves to one new output at a time, seeded: each that ends with 0 is the file,
  /// and there is one.
  @Test func ofSavesAtATimeOneIsWritten() throws {
    var random = SplitMix64(seed: 5)
    for round in 0..<6 {
      let scratch = try scratch()
      let amounts = (0..<3).map { _ in String(Double.random(in: 0.1...0.9, using: &random)) }
      let runs = try amounts.map { amount in
        try Program.start(
          ["prune", Self.model, "-o", "out.safetensors", "--amount", amount], in: scratch)
      }
      for run in runs { run.process.waitUntilExit() }
      let outcomes = try runs.map { try $0.outcome() }
      let winners = zip(amounts, outcomes).filter { $1.status == 0 }
      #expect(winners.count == 1, "round \(round): \(outcomes.map(\.error))")
      for outcome in outcomes where outcome.status != 0 {
        #expect(outcome.status == 1)
        let isTold =
          outcome.error.contains("another save to it is under way")
          || outcome.error.contains("out.safetensors is there already")
        #expect(isTold, "\(outcome.error)")
      }
      let written = try scratch.bytes("out.safetensors")
      #expect(scratch.names == ["out.safetensors", "text"])
      for (amount, _) in winners {
        let again = ["prune", Self.model, "-o", "again.safetensors", "--amount", amount]
        #expect(try Program.run(again, in: scratch).status == 0)
        #expect(try scratch.bytes("again.safetensors") == written)
      }
    }
  }

  /// What no file may replace is said at once: `--force` would be in vain.
  @Test(arguments: [[], ["--force"]]) func aDeviceIsNoOutput(force: [String]) throws {
    let scratch = try scratch()
    for command in [
      ["prune", Self.model, "-o", "/dev/full"],
      ["convert", Self.model, "-o", "/dev/full"],
      ["train", "text", "-o", "/dev/full"] + Self.training,
    ] {
      let outcome = try Program.run(command + force, in: scratch)
      #expect(outcome.status == 1)
      #expect(outcome.error == "pare: cannot write /dev/full: it is a device\n")
    }
  }

  /// Two trainings to one output: one runs, the other is refused and shares nothing.
  @Test func ofTrainingsAtATimeOneRuns() throws {
    let scratch = try scratch()
    let runs = try (1...3).map { seed in
      try Program.start(
        ["train", "text", "-o", "out.safetensors", "--seed", "\(seed)"] + Self.training,
        in: scratch)
    }
    for run in runs { run.process.waitUntilExit() }
    let outcomes = try runs.map { try $0.outcome() }
    #expect(outcomes.filter { $0.status == 0 }.count == 1, "\(outcomes.map(\.error))")
    let log = String(decoding: try scratch.bytes("out.safetensors.log.jsonl"), as: UTF8.self)
    let steps = log.split(separator: "\n").filter { $0.contains("\"loss\"") }
    #expect(steps.count == 2)
    #expect(scratch.names == ["out.safetensors", "out.safetensors.log.jsonl", "text"])
  }

  /// What a training writes is not replaced without `--force`, whichever file it is.
  @Test(arguments: ["out", "out.state", "out.log.jsonl"], ["train", "compress"])
  func filesOfATrainingAreKept(name: String, command: String) throws {
    let scratch = try scratch()
    try Data([7]).write(to: URL(fileURLWithPath: scratch.path(name)))
    let words =
      command == "train"
      ? ["train", "text", "-o", "out"] + Self.training
      : [
        "compress", Self.model, "--text", "text", "-o", "out", "--steps", "1", "--batch", "1",
        "--context", "8",
      ]
    let outcome = try Program.run(words, in: scratch)
    #expect(outcome.status == 1)
    #expect(outcome.error.contains(name) && outcome.error.contains("--force"), "\(outcome.error)")
    #expect(try scratch.bytes(name) == Data([7]))
    #expect(scratch.names == [name, "text"].sorted())
  }

  /// Names that are made from the output's never meet an input.
  @Test func noInputIsWrittenOver() throws {
    let scratch = try scratch()
    let model = try Data(contentsOf: URL(fileURLWithPath: Self.model))
    let compress = ["--steps", "1", "--batch", "1", "--context", "8", "--force"]
    let cases: [(input: String, words: [String])] = [
      ("run.state", ["compress", "run.state", "--text", "text", "-o", "run"] + compress),
      ("run.state", ["train", "text", "--from", "run.state", "-o", "run", "--force"]),
      ("run.log.jsonl", ["compress", "run.log.jsonl", "--text", "text", "-o", "run"] + compress),
      (".run.state.pare-save", ["train", "text", "--from", ".run.state.pare-save", "-o", "run"]),
      (".run.pare-save", ["prune", ".run.pare-save", "-o", "run"]),
      (".run.pare-save", ["convert", ".run.pare-save", "-o", "run", "--slice"]),
      (".run.gguf.pare-save", ["convert", ".run.gguf.pare-save", "-o", "run.gguf"]),
    ]
    for (input, words) in cases {
      try model.write(to: URL(fileURLWithPath: scratch.path(input)))
      let outcome = try Program.run(words, in: scratch)
      #expect(outcome.status == 2, "\(words): \(outcome.error)")
      #expect(outcome.error.contains(input) && outcome.error.contains("input"), "\(outcome.error)")
      #expect(try scratch.bytes(input) == model)
      try FileManager.default.removeItem(atPath: scratch.path(input))
      #expect(scratch.names == ["text"])
    }
    let text = try scratch.bytes("text")
    for words in [
      ["train", "text", "-o", "text", "--force"],
      ["convert", Self.model, "-o", "text", "--type", "q4_k", "--text", "text", "--force"],
    ] {
      #expect(try Program.run(words, in: scratch).status == 2)
      #expect(try scratch.bytes("text") == text)
    }
  }

  /// A link stays and its target is written; what is no file is refused.
  @Test func linksAreFollowed() throws {
    let scratch = try scratch()
    let words = ["prune", Self.model, "-o"]
    #expect(try Program.run(words + ["plain.safetensors"], in: scratch).status == 0)
    try FileManager.default.createSymbolicLink(
      atPath: scratch.path("link.safetensors"), withDestinationPath: "target.safetensors")
    #expect(try Program.run(words + ["link.safetensors"], in: scratch).status == 0)
    #expect(try Program.run(words + ["link.safetensors"], in: scratch).status == 1)
    #expect(try Program.run(words + ["link.safetensors", "--force"], in: scratch).status == 0)
    let target = try FileManager.default.destinationOfSymbolicLink(
      atPath: scratch.path("link.safetensors"))
    #expect(target == "target.safetensors")
    #expect(try scratch.bytes("target.safetensors") == scratch.bytes("plain.safetensors"))
    try FileManager.default.createSymbolicLink(
      atPath: scratch.path("null"), withDestinationPath: "/dev/null")
    for (output, reason) in [("null", "it is a device"), (".", "it is a folder")] {
      let outcome = try Program.run(words + [output, "--force"], in: scratch)
      #expect(outcome.status == 1)
      #expect(outcome.error == "pare: cannot write \(output): \(reason)\n")
    }
    #expect(
      scratch.names == [
        "link.safetensors", "null", "plain.safetensors", "target.safetensors", "text",
      ])
  }
}
