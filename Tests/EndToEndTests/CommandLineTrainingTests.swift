import Foundation
import Testing

/// `pare train` as a user meets it.
@Suite struct CommandLineTrainingTests {
  static let words = String(
    repeating: "how vexingly quick daft zebras jump; pack my box!\n", count: 40)
  static let small = [
    "--preset", "tiny", "--blocks", "2", "--heads", "2", "--width", "16", "--context", "16",
    "--batch", "4", "--dropout", "0.1", "--threads", "2",
  ]

  static func scratch(_ text: String = words) throws -> Scratch {
    let scratch = try Scratch()
    try Data(text.utf8).write(to: scratch.url.appendingPathComponent("text"))
    return scratch
  }

  static func train(
    _ scratch: Scratch, _ output: String, _ more: [String]
  ) throws -> Program.Outcome {
    try Program.run(["train", "text", "-o", output] + small + more, in: scratch)
  }

  @Test func trainsAndWhatItSavesRuns() throws {
    let scratch = try Self.scratch()
    let outcome = try Self.train(
      scratch, "out", ["--steps", "30", "--validate-every", "10", "--json"])
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(scratch.names == ["out", "out.log.jsonl", "text"])
    #expect(outcome.fields["steps"] as? Int == 30)
    let loss = try #require(outcome.fields["validation_loss"] as? Double)
    let measured = try Program.run(
      ["eval", "out", "--text", "text", "--part", "validation", "--json"], in: scratch)
    #expect(measured.fields["loss"] as? Double == loss)
    // A line for each validation, with what is asked for most.
    let lines = outcome.error.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines.allSatisfy { $0.contains("validation") && $0.contains("tokens/s") })
    let written = try Program.run(
      ["generate", "out", "--prompt", "pack", "--tokens", "5"], in: scratch)
    #expect(written.status == 0 && written.output.hasPrefix("pack"))
  }

  /// A name that ends in .pt is PyTorch, from which the network runs; what training does
  /// not write is refused before anything is read.
  @Test func theNameDecidesTheFormat() throws {
    let scratch = try Self.scratch()
    let outcome = try Self.train(scratch, "out.pt", ["--steps", "4", "--json"])
    #expect(outcome.status == 0, "\(outcome.error)")
    let loss = try #require(outcome.fields["validation_loss"] as? Double)
    let measured = try Program.run(
      ["eval", "out.pt", "--text", "text", "--part", "validation", "--json"], in: scratch)
    #expect(measured.fields["loss"] as? Double == loss, "\(measured.error)")
    let seen = try Program.run(["inspect", "out.pt", "--json"], in: scratch)
    #expect(seen.fields["format"] as? String == "pytorch")
    for (words, sentence) in [
      (
        ["train", "none", "-o", "a.gguf"],
        "a.gguf would be GGUF; training writes safetensors, of which pare convert --type makes GGUF"
      ),
      (
        ["compress", "none", "--text", "none", "-o", "a.pt"],
        "a.pt would be PyTorch, which is dense; a compressed network is packed, as safetensors"
      ),
    ] {
      let refused = try Program.run(words, in: scratch)
      #expect(refused.status == 2 && refused.error.hasPrefix("pare: \(sentence)\n"))
    }
  }

  @Test func oneBlockIsToldOfAsOne() throws {
    let scratch = try Self.scratch()
    let made = try Program.run(
      ["train", "text", "-o", "one"] + Self.small + ["--blocks", "1", "--steps", "1"], in: scratch)
    #expect(made.status == 0, "\(made.error)")
    let shown = try Program.run(["one"], in: scratch)
    #expect(shown.output.contains(" · 1 block · "), "\(shown.output)")
  }

  @Test func trainsACheckpointOn() throws {
    let scratch = try Self.scratch()
    let first = try Self.train(scratch, "a", ["--steps", "20", "--json"])
    let second = try Program.run(
      ["train", "text", "-o", "b", "--from", "a", "--preset", "tiny", "--steps", "20", "--json"],
      in: scratch)
    #expect(second.status == 0, "\(second.error)")
    #expect(
      try #require(second.fields["validation_loss"] as? Double)
        < #require(first.fields["validation_loss"] as? Double))
  }

  /// An interrupt at any step, then `--resume`: the bytes of a run that was never
  /// stopped.
  @Test func anInterruptedRunGoesOn() throws {
    let scratch = try Self.scratch()
    let settings = ["--steps", "1500", "--validate-every", "0", "--optimizer", "muon"]
    #expect(try Self.train(scratch, "whole", settings).status == 0)
    let running = try Program.start(
      ["train", "text", "-o", "out"] + Self.small + settings, in: scratch)
    // The log tells when training has begun; how far it is does not matter.
    while running.process.isRunning,
      ((try? scratch.bytes("out.log.jsonl")) ?? Data()).filter({ $0 == 0x0A }).count < 20
    { usleep(2000) }
    _ = kill(running.process.processIdentifier, SIGINT)
    running.process.waitUntilExit()
    let stopped = try running.outcome()
    #expect(stopped.status == 130, "\(stopped.error)")
    #expect(stopped.error.contains("go on with: pare train text -o out --resume"))
    #expect(scratch.names.contains("out.state"))
    // Beginning anew over it has to be said.
    let again = try Self.train(scratch, "out", settings)
    #expect(again.status == 1)
    #expect(
      again.error == "pare: out and out.state are there already: --resume goes on with that run, "
        + "--force begins another\n")
    let changed = try Program.run(
      ["train", "text", "-o", "out", "--resume", "--width", "32"], in: scratch)
    #expect(changed.status == 2 && changed.error.contains("--width"), "\(changed.error)")
    let resumed = try Program.run(["train", "text", "-o", "out", "--resume"], in: scratch)
    #expect(resumed.status == 0, "\(resumed.error)")
    #expect(try scratch.bytes("out") == scratch.bytes("whole"))
    #expect(!scratch.names.contains("out.state"))
    let over = try Program.run(["train", "text", "-o", "out", "--resume"], in: scratch)
    #expect(over.status == 1)
    #expect(
      over.error == "pare: the run that wrote out is at its end; --force without --resume begins "
        + "another\n")
  }

  @Test(arguments: [
    (["--context", "4000"], 1, "training part of the text has"),
    (["--preset", "huge"], 2, "there is no preset huge"),
    (["--heads", "3"], 2, "3 heads do not divide a width of 16"),
    (["--dropout", "1"], 2, "dropout"),
    (["--learning-rate", "-1"], 2, "learning"),
    (["--learning-rate", "nan"], 2, "learning"),
    (["--steps", "0"], 2, "at least one step"),
    (["--steps", "5", "--minutes", "1"], 2, "exclude each other"),
    (["--batch", "9999999999"], 2, "batch"),
    (["--resume"], 1, "begin without --resume"),
    (["--from", "none"], 1, "cannot open none"),
    (["--save-every-minutes", "0"], 2, "--save-every-minutes"),
    (["-o", "text"], 2, "is the input"),
    (["--width", "65536", "--blocks", "1000"], 1, "GB of memory"),
  ])
  func saysWhatIsWrong(_ arguments: [String], _ status: Int32, _ part: String) throws {
    let scratch = try Self.scratch()
    let isFrom = arguments.contains("--from")
    let outcome = try Program.run(
      ["train", "text", "-o", "out"] + (isFrom ? [] : Self.small) + arguments, in: scratch)
    #expect(outcome.status == status, "\(outcome.error)")
    #expect(outcome.error.contains(part), "\(outcome.error)")
    #expect(outcome.error.filter { $0 == "\n" }.count == 1)
    #expect(scratch.names == ["text"])
  }

  /// Texts that cannot be trained on.
  @Test(arguments: [
    ("", "is empty"), ("short", "at least 17 are needed"), ("\u{E000}", "at least"),
  ])
  func textsThatAreTooShort(_ text: String, _ part: String) throws {
    let scratch = try Self.scratch(text)
    let outcome = try Self.train(scratch, "out", [])
    #expect(outcome.status == 1 && outcome.error.contains(part), "\(outcome.error)")
    #expect(scratch.names == ["text"])
  }

  @Test func namesTheCharacterACheckpointDoesNotKnow() throws {
    let scratch = try Self.scratch()
    #expect(try Self.train(scratch, "a", ["--steps", "1"]).status == 0)
    try Data((Self.words + "Ω" + Self.words).utf8)
      .write(to: scratch.url.appendingPathComponent("greek"))
    let outcome = try Program.run(["train", "greek", "-o", "b", "--from", "a"], in: scratch)
    #expect(outcome.status == 1)
    #expect(
      outcome.error.contains("\"Ω\" (U+3A9) at position \(Self.words.unicodeScalars.count)"),
      "\(outcome.error)")
  }

  /// A rate at which the loss leaves the finite numbers: training stops, says when,
  /// and what was good is kept.
  @Test func stopsAtALossThatIsNoNumber() throws {
    let scratch = try Self.scratch()
    let outcome = try Self.train(
      scratch, "out",
      [
        "--steps", "2000", "--learning-rate", "100", "--warmup", "0", "--clip", "0",
        "--weight-decay", "100", "--schedule", "constant", "--validate-every", "0",
      ])
    #expect(outcome.status == 1, "\(outcome.error)")
    #expect(outcome.error.contains("Training stopped: at step"), "\(outcome.error)")
    #expect(try Program.run(["inspect", "out"], in: scratch).status == 0)
  }
}
