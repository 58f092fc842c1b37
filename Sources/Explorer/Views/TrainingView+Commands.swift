internal import Compression
internal import Workspace

extension TrainingView {
  public static let commands: [Command] = [
    Command(
      "compress", "compress [TEXT] [--target 0.6] [-o FILE] [--force]",
      "let the open checkpoint compress itself while it trains on a text, by default that of --text",
      completing: { _, words in completions(words, isCompressing: true) }
    ) { try $0.openTraining($1, isCompressing: true) },
    Command(
      "train", "train [TEXT] [--steps 500] [-o FILE] [--force]",
      "train the open checkpoint on a text, by default that of --text",
      completing: { _, words in completions(words, isCompressing: false) }
    ) { try $0.openTraining($1, isCompressing: false) },
    Command(
      "resume", "resume", "go on with the training run that was stopped", isTypedInFull: true
    ) { state, _ in [.resumeTraining] + state.show(.training) },
    Command("gamma", "gamma 0.02", "set γ of the training run, the price of a bit") {
      state, words in
      guard let gamma = words.first.flatMap({ Double($0) }), (0...100).contains(gamma) else {
        throw CommandError("gamma takes a number from 0 to 100: gamma 0.02")
      }
      guard state.training.run.job != nil else { throw CommandError(noRun) }
      if let reason = state.training.run.whyGammaIsFixed { throw CommandError(reason) }
      state.training.run.dial.set(gamma)
      return [.steerTraining(.gamma(gamma))]
    },
    Command("rate", "rate 0.5", "multiply the training run's learning rates from now on") {
      state, words in
      guard let factor = words.first.flatMap({ Double($0) }), (0...100).contains(factor) else {
        throw CommandError("rate takes a factor from 0 to 100: rate 0.5")
      }
      guard state.training.run.job != nil else { throw CommandError(noRun) }
      state.training.run.rate.set(factor)
      return [.steerTraining(.rateFactor(factor))]
    },
  ]

  /// Words that may follow `:train` and `:compress`.
  private static func completions(_ words: [String], isCompressing: Bool) -> [String] {
    let names = TrainingDials.dials.map { "--" + $0.name }.filter {
      isCompressing || !["--aim", "--target", "--gamma"].contains($0)
    }
    return FilePaths.completions(of: words, flags: names + ["--force", "-o"])
  }
}

extension AppState {
  /// Opens the sheet of a run that the words describe.
  mutating func openTraining(_ words: [String], isCompressing: Bool) throws -> [Effect] {
    if training.run.job != nil { throw CommandError("a training run is under way already") }
    if let reason = whyNotRunnable { throw CommandError("it cannot be trained: \(reason)") }
    var dials = training.lastDials ?? TrainingDials()
    dials.isCompressing = isCompressing
    let draft = try TrainingDraft(
      words, dials: &dials, checkpoint: model.title, usualText: textPath)
    training.lastDials = dials
    sheet = Sheet(.training(dials, draft))
    return show(.training)
  }
}
