internal import ArgumentParser
internal import CheckpointIO
internal import Jobs
internal import Workspace

/// `pare eval FILE`: how well a model predicts a text, and how fast.
struct EvalCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "eval", abstract: "Measure a model's loss, perplexity and speed on a text.")

  @Argument(
    help: "The checkpoint, or a folder with one. (default: the one inside the program)",
    completion: .file())
  var file: String?

  @OptionGroup var network: NetworkOptions
  @OptionGroup var text: TextOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var report: ReportOptions

  func run() throws {
    let checkpoint = try file.map { try network.open($0, toRun: true) } ?? Embedded.open()
    let metrics = try Work.run("eval", threads: threads.count) {
      try Headless.evaluate(checkpoint, on: text.text, part: text.part.part, in: $0)
    }
    if report.json {
      JSON.object(metrics.lossFields).print()
    } else {
      StandardOutput.write(
        """
        loss \(Figure.short(metrics.loss))   perplexity \(Figure.short(metrics.perplexity))   \
        \(Figure.count(metrics.tokens)) tokens   \
        \(Figure.count(metrics.tokensPerSecond)) tokens/s
        measured on \(sentence(metrics.measuredOn ?? "nothing"))

        """)
    }
  }
}

extension Metrics {
  /// What a measurement on a text tells, for JSON.
  var lossFields: [String: JSON] {
    [
      "loss": .number(loss),
      "measured_on": .string(measuredOn),
      "perplexity": .number(perplexity),
      "tokens": .integer(tokens),
      "tokens_per_second": .number(tokensPerSecond),
    ]
  }
}
