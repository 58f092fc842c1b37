import Foundation
import TestSupport
import Testing

/// The reference experiment in small, as a user runs it: the tiny preset learns
/// Shakespeare's characters, then compresses itself.
@Suite(.enabled(if: SharedData.isPresent)) struct SelfCompressionRunTests {
  static let text = SharedData.path("shakespeare-char/input.txt")

  static func number(_ outcome: Program.Outcome, _ key: String) throws -> Double {
    try #require(outcome.fields[key] as? Double, "\(key): \(outcome.output) \(outcome.error)")
  }

  @Test func tinyPresetLearnsAndCompressesItself() throws {
    let scratch = try Scratch()
    let trained = try Program.run(
      [
        "train", Self.text, "-o", "trained", "--preset", "tiny", "--steps", "1000",
        "--validate-every", "0", "--json",
      ], in: scratch)
    let before = try Self.number(trained, "validation_loss")
    #expect(before < 2.2)
    let compressed = try Program.run(
      [
        "compress", "trained", "--text", Self.text, "-o", "compressed", "--preset", "tiny",
        "--target", "1.3", "--steps", "900", "--depth-rate", "0.1", "--depth-epsilon", "2.5e-5",
        "--validate-every", "0", "--json",
      ], in: scratch)
    let after = try Self.number(compressed, "validation_loss")
    #expect(try Self.number(compressed, "bits_per_weight") < 1.5)
    #expect(after - before < 0.1)
    // The file gives the network back, and so does its dense form.
    #expect(
      try Program.run(["convert", "compressed", "-o", "dense", "--dense"], in: scratch).status == 0)
    for file in ["compressed", "dense"] {
      let measured = try Program.run(
        ["eval", file, "--text", Self.text, "--part", "validation", "--json"], in: scratch)
      #expect(abs(try Self.number(measured, "loss") - after) < 1e-6)
    }
    let sizes = try ["compressed", "dense"].map { try scratch.bytes($0).count }
    #expect(sizes[0] * 10 < sizes[1])
  }

  /// Stopped by an interrupt and resumed, the run makes the same bytes.
  @Test func anInterruptedRunGoesOn() throws {
    let scratch = try Scratch()
    try Data(CommandLineCompression.words.utf8).write(
      to: scratch.url.appendingPathComponent("text"))
    let small = [
      "--preset", "tiny", "--context", "16", "--batch", "4", "--threads", "2", "--validate-every",
      "0",
    ]
    #expect(
      try Program.run(
        ["train", "text", "-o", "begin", "--blocks", "2", "--heads", "2", "--width", "16"]
          + small + ["--steps", "30"], in: scratch
      ).status == 0)
    let compress =
      ["compress", "begin", "--text", "text", "--target", "1", "--steps", "1500"] + small
    #expect(try Program.run(compress + ["-o", "whole"], in: scratch).status == 0)
    let running = try Program.start(compress + ["-o", "out"], in: scratch)
    // The log tells when it has begun; how far it is does not matter.
    while running.process.isRunning,
      ((try? scratch.bytes("out.log.jsonl")) ?? Data()).filter({ $0 == 0x0A }).count < 60
    { usleep(2000) }
    _ = kill(running.process.processIdentifier, SIGINT)
    running.process.waitUntilExit()
    #expect(try running.outcome().status == 130)
    let resumed = try Program.run(
      ["compress", "begin", "--text", "text", "-o", "out", "--resume"], in: scratch)
    #expect(resumed.status == 0, "\(resumed.error)")
    #expect(try scratch.bytes("out") == scratch.bytes("whole"))
  }
}

/// `pare compress` refuses what makes no sense.
@Suite struct CommandLineCompression {
  static let words = String(
    repeating: "how vexingly quick daft zebras jump; pack my box!\n", count: 40)

  @Test(arguments: [
    (["--gamma", "0.1", "--target", "1"], 2, "exclude each other"),
    (["--gamma", "-1"], 2, "gamma"),
    (["--target", "0"], 2, "target"),
    (["--target", "nan"], 2, "target"),
    (["--depth", "20"], 2, "depth"),
    (["--width", "20"], 2, "--width"), (["--blocks", "2"], 2, "--blocks"),
    (["--resume"], 1, "begin without --resume"),
  ])
  func saysWhatIsWrong(_ arguments: [String], _ status: Int32, _ part: String) throws {
    let scratch = try Scratch()
    try Data(Self.words.utf8).write(to: scratch.url.appendingPathComponent("text"))
    let model = SharedData.packageRoot + "/Checkpoints/tiny.safetensors"
    let outcome = try Program.run(
      ["compress", model, "--text", "text", "-o", "out", "--context", "16"] + arguments,
      in: scratch)
    #expect(outcome.status == status, "\(outcome.error)")
    #expect(outcome.error.contains(part), "\(outcome.error)")
    #expect(scratch.names == ["text"])
  }
}
