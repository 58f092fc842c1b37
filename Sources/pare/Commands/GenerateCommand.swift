internal import ArgumentParser
internal import CheckpointIO
internal import Jobs
internal import Transformers
internal import Workspace

/// `pare generate FILE`: lets a model write.
struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Let a model continue a prompt; the same seed, the same text.")

  @OptionGroup var input: FileArgument
  @OptionGroup var chat: ChatOptions

  @Option(
    name: [.customShort("p"), .long],
    help: ArgumentHelp("What is to be continued. (default: the start of a line)", valueName: "text")
  )
  var prompt: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How many tokens to write.", valueName: "number"))
  var tokens = 256

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "0 takes the likeliest token, 1 draws as the model says, more is bolder.",
      valueName: "number"))
  var temperature = 0.8

  @Option(
    help: ArgumentHelp("Draw among this many likeliest tokens only.", valueName: "number"))
  var topK: Int?

  @Option(
    help: ArgumentHelp(
      "Draw among the likeliest tokens that together have this probability only.",
      valueName: "share"))
  var topP: Double?

  @Option(
    help: ArgumentHelp(
      "Draw among tokens with this share of the likeliest one's probability only.",
      valueName: "share"))
  var minP: Double?

  @Option(
    help: ArgumentHelp(
      "Divide the logits of tokens that the text has already by this; 1 leaves them.",
      valueName: "number"))
  var repetitionPenalty = 1.0

  @Option(help: ArgumentHelp("Which random draw.", valueName: "number"))
  var seed: UInt64 = 1

  @OptionGroup var threads: ThreadOptions
  @OptionGroup var report: ReportOptions

  /// More than anyone waits for.
  private static let tokenLimit = 1_000_000

  func validate() throws {
    guard (0...Self.tokenLimit).contains(tokens) else {
      throw ValidationError(
        "--tokens is a whole number from 0 to \(Self.tokenLimit), not \(tokens)")
    }
    guard temperature.isFinite, temperature >= 0 else {
      throw ValidationError("--temperature is a number from 0 up, not \(temperature)")
    }
    if let topK, topK < 1 {
      throw ValidationError("--top-k is a whole number from 1 up, not \(topK)")
    }
    for (name, share) in [("--top-p", topP), ("--min-p", minP)] {
      if let share, !(0...1).contains(share) {
        throw ValidationError("\(name) is a number from 0 to 1, not \(share)")
      }
    }
    guard repetitionPenalty.isFinite, repetitionPenalty > 0 else {
      throw ValidationError(
        "--repetition-penalty is a number above 0, not \(repetitionPenalty)")
    }
  }

  func run() throws {
    let conversation = try chat.conversation(question: prompt)
    let checkpoint = try input.open(toRun: true)
    let prompt = prompt ?? "\n"
    // Nothing of a prompt is shown that the model cannot read.
    if conversation == nil, let vocabulary = checkpoint.vocabulary {
      _ = try CharacterTokenizer(vocabulary: vocabulary).encode(prompt)
    }
    let echo = conversation == nil ? prompt : ""
    var shown = 0
    func show(_ text: String) {
      guard !report.json else { return }
      // Bytes that have been shown stay: each character is shown as it was before.
      let bytes = Array(lines(echo + text).utf8)
      StandardOutput.write(Array(bytes[shown...]))
      shown = bytes.count
    }
    // Text on the screen is progress enough.
    let written = try Work.run(report.json ? "generate" : nil, threads: threads.count) {
      try Headless.write(
        with: checkpoint.model, of: checkpoint,
        prompt: conversation.map { .conversation($0) } ?? .text(prompt), count: tokens,
        sampling: Sampling(
          temperature: temperature, topK: topK, topP: topP, minP: minP,
          repetitionPenalty: repetitionPenalty, seed: seed),
        in: $0, each: show)
    }
    show(written.text)
    if report.json {
      JSON.object([
        "prompt": .string(written.prompt),
        "seed": .integer(Int(exactly: seed)),
        "text": .string(written.text),
        "tokens": .integer(written.tokens.count),
        "tokens_per_second": .number(written.tokensPerSecond),
      ]).print()
    } else {
      StandardOutput.write("\n")
    }
  }
}
