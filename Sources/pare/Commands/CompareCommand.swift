internal import ArgumentParser
internal import CheckpointIO
internal import Jobs
internal import Tensors
internal import Transformers
internal import Workspace

/// `pare compare A B`: how far a checkpoint is from another of its kind.
struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Compare two checkpoints, tensor by tensor and by what they predict.",
    discussion: """
      Any two files of one architecture are compared, whatever their formats and the names \
      in them: what a file calls otherwise is matched by block and layer. \
      Errors are of the second against the first, ‖W − W′‖ / ‖W‖, and as a signal-to-noise \
      ratio in dB. Where both models run, \
      their losses, the divergence and the agreement of their predictions are measured too.
      """)

  @Argument(help: "The original.", completion: .file())
  var first: String

  @Argument(help: "What it is compared with.", completion: .file())
  var second: String

  @Flag(help: "Compare the tensors only; measure no losses.")
  var weightsOnly = false

  @OptionGroup var network: NetworkOptions
  @OptionGroup var text: TextOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var report: ReportOptions

  /// The share of the time that tensors take when losses are measured too.
  private static let tensorShare = 0.2

  func run() throws {
    let first = try network.open(first, toRun: !weightsOnly)
    let second = try network.open(second, toRun: !weightsOnly)
    let obstacle = weightsOnly ? "--weights-only" : obstacle(first) ?? obstacle(second)
    let (comparison, losses) = try Work.run("compare", threads: threads.count) { job in
      let share = obstacle == nil ? Self.tensorShare : 1
      let comparison = try TensorComparison(
        of: first, with: second, in: job.part(0...share))
      guard obstacle == nil else { return (comparison, (first: Metrics(), second: Metrics())) }
      let losses = try Headless.compare(
        first, second, on: text.text, part: text.part.part, in: job.part(share...1))
      return (comparison, losses)
    }
    if report.json {
      json(comparison, losses.first, losses.second).print()
    } else {
      comparison.print()
      StandardOutput.write(summary(losses.first, losses.second, obstacle))
    }
  }

  /// Why a model's loss cannot be measured; nil when it can.
  private func obstacle(_ checkpoint: Checkpoint) -> String? {
    Network.obstacle(
      of: checkpoint.parameters, configuration: checkpoint.configuration)
  }

  private func json(
    _ comparison: TensorComparison, _ first: Metrics, _ second: Metrics
  ) -> JSON {
    let fields: [String: JSON] = [
      "agreement": .number(second.agreement),
      "first": .object(first.lossFields),
      "kl": .number(second.kl),
      "second": .object(second.lossFields),
    ]
    return .object(fields.merging(comparison.fields) { own, _ in own })
  }

  private func summary(_ first: Metrics, _ second: Metrics, _ obstacle: String?) -> String {
    if let obstacle {
      return weightsOnly ? "" : "no losses: \(sentence(obstacle))\n"
    }
    return """
      loss \(Figure.short(first.loss)) → \(Figure.short(second.loss))   \
      KL \(Figure.short(second.kl))   agreement \(Figure.percent(second.agreement))
      of the second against the first, on \(sentence(first.measuredOn ?? "nothing"))

      """
  }
}
