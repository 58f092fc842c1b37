internal import Jobs
internal import Tensors
internal import Training
internal import Workspace

/// Tells on stderr how a training run goes, and in the end what came of it.
final class TrainingWatcher {
  private let run: TrainingRun
  private var lastLoss: Double?
  /// Tokens a second, lately.
  private var speed: Double?

  init(_ run: TrainingRun) { self.run = run }

  func note(_ event: TrainingRun.Event, _ line: ProgressLine) {
    switch event {
    case .step(let step, let progress):
      // Losses of single batches jump; a running mean tells more.
      lastLoss = lastLoss.map { $0 + (step.loss - $0) * 0.1 } ?? step.loss
      let now = Double(step.tokens) / max(step.seconds, 1e-9)
      speed = speed.map { $0 + (now - $0) * 0.1 } ?? now
      line.show(
        Progress(
          fraction: Double(progress.step) / Double(max(progress.total, 1)),
          detail: figures(progress)), secondsLeft: progress.secondsLeft)
    case .validated(let progress):
      line.finish()
      let left = progress.secondsLeft.map { "  \(Figure.duration($0)) left" } ?? ""
      StandardError.write("\(figures(progress))\(left)\n")
    case .saved, .logged, .weights: break
    case .notSaved(let reason):
      line.finish()
      StandardError.write("pare: \(sentence(reason)); training goes on\n")
    case .retrying(let reason, let seconds):
      line.finish()
      StandardError.write(
        "pare: \(sentence(reason)); it is tried again for \(Figure.duration(seconds))\n")
    }
  }

  private func figures(_ progress: TrainingProgress) -> String {
    var text = "step \(progress.step)"
    if case .steps(let steps) = progress.settings.length { text += "/\(steps)" }
    text += "  loss \(Figure.short(lastLoss))"
    if let validation = progress.validation { text += "  validation \(Figure.short(validation))" }
    if let compression = run.trainer.compression {
      text += "  \(Figure.short(compression.meanDepth)) bits/weight"
      text += "  γ \(Figure.short(compression.gamma))"
    }
    text += "  \(Figure.count(speed)) tokens/s"
    return text
  }

  var summary: String {
    let progress = run.trainer.progress
    return """
      \(run.output): \(Figure.count(progress.step)) steps in \(Figure.duration(progress.elapsed))
      validation loss \(Figure.short(progress.validation))   lowest \
      \(Figure.short(progress.bestValidation))   on the last tenth of the text   \
      \(Figure.count(meanSpeed)) tokens/s

      """
  }

  var json: JSON {
    let progress = run.trainer.progress
    let compression = run.trainer.compression
    return .object([
      "best_validation_loss": .number(progress.bestValidation),
      "bits_per_weight": .number(compression?.meanDepth),
      "gamma": .number(compression?.gamma),
      "loss": .number(lastLoss),
      "output": .string(run.output),
      "seconds": .number(progress.elapsed),
      "steps": .integer(progress.step),
      "tokens_per_second": .number(meanSpeed),
      "validation_loss": .number(progress.validation),
      "weights": .integer(run.trainer.network.tensors.reduce(0) { $0 + $1.shape.count }),
    ])
  }

  private var meanSpeed: Double? {
    let progress = run.trainer.progress
    guard progress.elapsed > 0 else { return nil }
    return Double(progress.step * progress.settings.tokensPerStep) / progress.elapsed
  }
}

extension Figure {
  /// `42 s`, `12 min` or `3 h 05 min`.
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return none }
    let whole = Int(max(seconds, 0).rounded())
    if whole < 100 { return "\(whole) s" }
    let minutes = (whole + 30) / 60
    if minutes < 100 { return "\(minutes) min" }
    let rest = minutes % 60
    return "\(minutes / 60) h \(rest < 10 ? "0" : "")\(rest) min"
  }
}
