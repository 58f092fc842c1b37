internal import ArgumentParser
internal import CheckpointIO
internal import Jobs
internal import Tensors
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

  @Flag(
    help: "Also list the share of the tokens that each expert of each block takes.")
  var routers = false

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
    if routers, !checkpoint.parameters.contains(where: { $0.place.role == .router }) {
      throw CommandError("\(checkpoint.name) has no experts for --routers to list")
    }
    let (evaluation, measuredOn) = try Work.run("eval", threads: threads.count) {
      try Headless.evaluate(
        checkpoint, on: text.text, part: text.part.part, protocol: rule.value,
        context: context, in: $0)
    }
    if report.json {
      var fields: [String: JSON] = [
        "context": .integer(evaluation.context),
        "loss": .number(evaluation.loss),
        "measured_on": .string(measuredOn),
        "perplexity": .number(evaluation.perplexity),
        "protocol": .string(rule.rawValue),
        "seconds": .number(evaluation.seconds),
        "tokens": .integer(evaluation.tokens),
        "tokens_per_second": .number(evaluation.tokensPerSecond),
      ]
      if routers { fields["routers"] = .array(evaluation.routers.map(\.json)) }
      JSON.object(fields).print()
    } else {
      StandardOutput.write(
        """
        loss \(Figure.short(evaluation.loss))   \
        perplexity \(Figure.short(evaluation.perplexity))   \
        \(Figure.count(evaluation.tokens)) tokens   \
        \(Figure.count(evaluation.tokensPerSecond)) tokens/s
        measured on \(sentence(measuredOn))

        """)
      if routers { printRouters(evaluation.routers) }
    }
  }

  /// A line for each expert: its share of what the block's experts took, and the mean weight of
  /// its outputs.
  private func printRouters(_ loads: [RouterLoad]) {
    var table = Table([
      ("block", .right), ("expert", .right), ("tokens", .right), ("share", .right),
      ("weight", .right),
    ])
    for load in loads {
      for (index, expert) in load.experts.enumerated() {
        table.add([
          String(load.block), String(index), Figure.count(expert.tokens),
          Figure.percent(load.share(of: index)), Figure.short(expert.meanWeight),
        ])
      }
    }
    StandardOutput.write("\n")
    table.print()
  }
}

extension RouterLoad {
  /// By expert: tokens, shares of what all took, mean weights.
  fileprivate var json: JSON {
    .object([
      "active": .integer(active),
      "block": .integer(block),
      "name": .string(router),
      "shares": .array(experts.indices.map { .number(share(of: $0)) }),
      "tokens": .array(experts.map { .integer($0.tokens) }),
      "weights": .array(experts.map { .number($0.meanWeight) }),
    ])
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
