internal import ArgumentParser
internal import CheckpointIO
internal import Jobs
internal import Transformers
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

  @Option(
    name: .customLong("protocol"),
    help: ArgumentHelp(
      """
      Which tokens are scored. text: every one after the first, once. windows: of windows of \
      --context tokens all but the first. llama.cpp: what follows the first half of windows of \
      512, as llama-perplexity does.
      """,
      valueName: "name"))
  var rule = Rule.text

  @Option(
    help: ArgumentHelp(
      "How many tokens the model sees at once. (default: 2048, or what it can; 512 for llama.cpp)",
      valueName: "number"))
  var context: Int?

  @OptionGroup var threads: ThreadOptions
  @OptionGroup var report: ReportOptions

  /// The protocols, in the words of the command line.
  enum Rule: String, ExpressibleByArgument, CaseIterable {
    case text, windows
    case llamaCpp = "llama.cpp"

    var value: EvaluationProtocol {
      switch self {
      case .text: .text
      case .windows: .windows
      case .llamaCpp: .llamaCpp
      }
    }
  }

  func validate() throws {
    if let context, context < 2 {
      throw ValidationError("--context is a whole number from 2 up, not \(context)")
    }
  }

  func run() throws {
    let checkpoint = try file.map { try network.open($0, toRun: true) } ?? Embedded.open()
    let (evaluation, measuredOn) = try Work.run("eval", threads: threads.count) {
      try Headless.evaluate(
        checkpoint, on: text.text, part: text.part.part, protocol: rule.value,
        context: context, in: $0)
    }
    if report.json {
      JSON.object([
        "context": .integer(evaluation.context),
        "loss": .number(evaluation.loss),
        "measured_on": .string(measuredOn),
        "perplexity": .number(evaluation.perplexity),
        "protocol": .string(rule.rawValue),
        "seconds": .number(evaluation.seconds),
        "tokens": .integer(evaluation.tokens),
        "tokens_per_second": .number(evaluation.tokensPerSecond),
      ]).print()
    } else {
      StandardOutput.write(
        """
        loss \(Figure.short(evaluation.loss))   \
        perplexity \(Figure.short(evaluation.perplexity))   \
        \(Figure.count(evaluation.tokens)) tokens   \
        \(Figure.count(evaluation.tokensPerSecond)) tokens/s
        measured on \(sentence(measuredOn))

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
