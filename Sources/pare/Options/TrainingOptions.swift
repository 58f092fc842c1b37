internal import ArgumentParser
internal import Training

/// Settings of a training run: those of a preset, changed by what is said.
struct TrainingOptions: ParsableArguments {
  /// How the learning rate changes, in the words of the command line.
  enum ScheduleName: String, ExpressibleByArgument, CaseIterable {
    case cosine, linear, constant

    func schedule(warmup: Int) -> Schedule {
      switch self {
      case .cosine: .cosine(warmup: warmup, floor: 0.1)
      case .linear: .constantThenLinear(warmup: warmup, share: 0.4)
      case .constant: .constant(warmup: warmup)
      }
    }
  }

  /// What trains the matrices of the blocks.
  enum OptimizerName: String, ExpressibleByArgument, CaseIterable {
    case adamw, muon

    var method: OptimizerSettings.Method {
      switch self {
      case .adamw: .adamw
      case .muon: .muon
      }
    }
  }

  /// What products are computed in.
  enum PrecisionName: String, ExpressibleByArgument, CaseIterable {
    case f32, bf16
  }

  @Option(
    help: ArgumentHelp(
      "Sizes and settings to begin with: "
        + TrainingPreset.all.map { "\($0.name) (\($0.summary))" }.joined(separator: "; ") + ".",
      valueName: "name"),
    completion: .list(TrainingPreset.all.map(\.name)))
  var preset = TrainingPreset.shakespeareChar.name

  @Option(help: ArgumentHelp("Train for this number of steps.", valueName: "number"))
  var steps: Int?
  @Option(help: ArgumentHelp("Train for so long instead.", valueName: "number"))
  var minutes: Double?
  @Option(help: ArgumentHelp("Windows of text in a batch.", valueName: "number"))
  var batch: Int?
  @Option(help: ArgumentHelp("Tokens in a window.", valueName: "number"))
  var context: Int?
  @OptionGroup var network: NetworkOptions
  @Option(help: ArgumentHelp("Share of activations dropped, from 0.", valueName: "share"))
  var dropout: Float?
  @Option(
    help: ArgumentHelp(
      "Highest learning rate: AdamW's, or Muon's where that is used.", valueName: "number"))
  var learningRate: Float?
  @Option(
    help: ArgumentHelp(
      "adamw, or muon for the blocks' matrices and AdamW for the rest.", valueName: "name"))
  var optimizer: OptimizerName?
  @Option(
    help: ArgumentHelp(
      "After the warm-up: cosine down to a tenth, linear to 0 from 40 % of the steps on, or "
        + "constant.", valueName: "name"))
  var schedule: ScheduleName?
  @Option(help: ArgumentHelp("Steps in which the rate rises.", valueName: "number"))
  var warmup: Int?
  @Option(help: ArgumentHelp("Decay of matrices, times the rate.", valueName: "number"))
  var weightDecay: Float?
  @Option(
    help: ArgumentHelp("Longest gradient; longer ones are cut; 0: any.", valueName: "norm"))
  var clip: Float?
  @Option(help: ArgumentHelp("Batches to one step.", valueName: "number"))
  var accumulate: Int?
  @Option(help: ArgumentHelp("Which random draw.", valueName: "number"))
  var seed: UInt64?
  @Option(help: ArgumentHelp("f32, or bf16 where the machine is fast at it.", valueName: "type"))
  var precision: PrecisionName?
  @Option(
    help: ArgumentHelp("Steps between validation losses; 0: only at the end.", valueName: "number"))
  var validateEvery: Int?

  /// The options' names that were given and that a saved run has its own of.
  var given: [String] {
    let all: [(String, Bool)] = [
      ("--steps", steps != nil), ("--minutes", minutes != nil), ("--batch", batch != nil),
      ("--context", context != nil), ("--dropout", dropout != nil),
      ("--learning-rate", learningRate != nil), ("--optimizer", optimizer != nil),
      ("--schedule", schedule != nil), ("--warmup", warmup != nil),
      ("--weight-decay", weightDecay != nil), ("--clip", clip != nil),
      ("--accumulate", accumulate != nil), ("--seed", seed != nil),
      ("--precision", precision != nil), ("--validate-every", validateEvery != nil),
    ]
    return all.filter(\.1).map(\.0) + network.given
  }

  func validate() throws {
    if TrainingPreset.all.allSatisfy({ $0.name != preset }) {
      let names = TrainingPreset.all.map(\.name).joined(separator: ", ")
      throw ValidationError("there is no preset \(preset); there are \(names)")
    }
    if steps != nil, minutes != nil {
      throw ValidationError("--steps and --minutes exclude each other")
    }
  }

  private var chosen: TrainingPreset {
    TrainingPreset.all.first { $0.name == preset } ?? .shakespeareChar
  }

  /// The shape of a new network.
  func shape(_ sizes: SizeOptions) -> NetworkShape {
    var shape = chosen.shape
    shape.blocks = sizes.blocks ?? shape.blocks
    shape.heads = network.heads ?? shape.heads
    shape.width = sizes.width ?? shape.width
    shape.context = context ?? shape.context
    return shape
  }

  /// The settings; windows are no longer than `limit`, a checkpoint's context.
  func settings(threads: Int, contextLimit limit: Int? = nil) -> TrainingSettings {
    var settings = chosen.settings
    if let steps { settings.length = .steps(steps) }
    if let minutes { settings.length = .minutes(minutes) }
    settings.batch = batch ?? settings.batch
    settings.context = context ?? min(settings.context, limit ?? .max)
    settings.dropout = dropout ?? settings.dropout
    settings.accumulate = accumulate ?? settings.accumulate
    settings.seed = seed ?? settings.seed
    settings.validateEvery = validateEvery ?? settings.validateEvery
    settings.precision = precision?.rawValue ?? settings.precision
    settings.threads = threads
    let warmup = warmup ?? settings.schedule.warmup
    if let schedule { settings.schedule = schedule.schedule(warmup: warmup) }
    settings.schedule.warmup = warmup
    change(&settings.optimizer)
    return settings
  }

  private func change(_ settings: inout OptimizerSettings) {
    settings.method = optimizer?.method ?? settings.method
    settings.clip = clip ?? settings.clip
    if let weightDecay {
      settings.adamW.decay = weightDecay
      settings.muon.decay = weightDecay
    }
    guard let learningRate else { return }
    switch settings.method {
    case .adamw: settings.adamW.rate = learningRate
    case .muon: settings.muon.rate = learningRate
    }
  }
}

/// Sizes of a new network, which a checkpoint has its own of.
struct SizeOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Blocks of a new network.", valueName: "number"))
  var blocks: Int?
  @Option(help: ArgumentHelp("Width of a new network.", valueName: "number"))
  var width: Int?

  /// The options' names that were given.
  var given: [String] {
    [("--blocks", blocks), ("--width", width)].filter { $0.1 != nil }.map(\.0)
  }
}
