internal import ArgumentParser
internal import CheckpointIO
internal import Glibc
internal import Jobs
internal import Tensors
internal import Training
internal import Transformers
internal import Workspace

/// `pare compress CHECKPOINT --text T -o FILE`: self-compression.
struct CompressCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compress",
    abstract: "Let every channel learn its bit depth while training goes on.",
    discussion: """
      The output channels of the blocks' linear layers learn how many bits their weights need; \
      γ is the price of one bit per weight in nats of loss. Channels that reach zero bits are \
      removed, and training gets faster. --target steers γ to so many bits per weight. Beside \
      FILE there are FILE.log.jsonl and, until the end, FILE.state for --resume. Ctrl-C saves \
      and stops.
      """)

  @Argument(help: "The checkpoint to compress.", completion: .file())
  var checkpoint: String

  @Option(
    help: ArgumentHelp("The text to train on, UTF-8.", valueName: "file"), completion: .file())
  var text: String

  @OptionGroup var output: OutputOptions

  @Option(help: ArgumentHelp("Price of one bit per weight, in nats.", valueName: "number"))
  var gamma: Double?
  @Option(
    help: ArgumentHelp("Bits per weight to reach; γ is steered.", valueName: "bits"))
  var target: Double?
  @Option(help: ArgumentHelp("Bit depth of all channels at the start.", valueName: "bits"))
  var depth: Float = 4
  @Option(
    help: ArgumentHelp(
      "Adam's learning rate of depths and exponents, the most they move in a step.",
      valueName: "number"))
  var depthRate: Float = 0.5
  @Option(
    help: ArgumentHelp(
      "Adam's ε for them: gradients well below it move them in proportion.", valueName: "number"))
  var depthEpsilon: Float = 1e-3
  @Option(
    help: ArgumentHelp(
      "Share of the run after which bit depths stay and only weights learn.", valueName: "share"))
  var settleAt = 0.85

  @OptionGroup var training: TrainingOptions
  @Flag(help: "Go on with the run that was to write the output.")
  var resume = false
  @Option(
    help: ArgumentHelp("Minutes between two checkpoints of the run.", valueName: "number"))
  var saveEveryMinutes = 3.0
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var report: ReportOptions

  func validate() throws {
    if gamma != nil, target != nil {
      throw ValidationError("--gamma and --target exclude each other")
    }
    if let size = training.sizes.first {
      throw ValidationError("\(size) is decided by the checkpoint")
    }
  }

  func run() throws {
    let run = try resume ? resumed() : begun()
    let watcher = TrainingWatcher(run)
    let line = ProgressLine("compress")
    defer { line.finish() }
    do {
      try run.run(in: JobContext(cancellation: Interrupt.watch(), threads: threads.count)) {
        watcher.note($0, line)
      }
    } catch is Cancelled {
      line.finish()
      StandardError.write(
        "pare: stopped after step \(run.trainer.progress.step); go on with: "
          + "pare compress \(checkpoint) --text \(text) -o \(output.path) --resume\n")
      throw Cancelled()
    }
    line.finish()
    if report.json { watcher.json.print() } else { StandardOutput.write(watcher.summary) }
  }

  private var compression: CompressionSettings {
    var settings = CompressionSettings()
    // A target is reached by steering, which wants a price that is felt from the start.
    settings.gamma = gamma ?? (target == nil ? settings.gamma : 0.1)
    settings.target = target
    settings.depth = depth
    settings.depthRate = depthRate
    settings.exponentRate = depthRate
    settings.epsilon = depthEpsilon
    settings.settleAt = settleAt
    return settings
  }

  private func begun() throws -> TrainingRun {
    try output.check(against: checkpoint)
    try output.check(against: text)
    let source = try Checkpoint.openingTellingOddities(checkpoint)
    let network = try Network.make(source.parameters, configuration: source.configuration)
    var settings = training.settings(
      threads: threads.count, contextLimit: network.configuration.context)
    settings.compression = compression
    do {
      try settings.check()
    } catch {
      throw UsageError("\(error)")
    }
    return try TrainingRun(
      try TrainingModel(source), textPath: text, settings: settings, output: output.path,
      saveEvery: saveEveryMinutes)
  }

  private func resumed() throws -> TrainingRun {
    let path = TrainingState.path(for: output.path)
    guard unsafe access(path, F_OK) == 0 else {
      throw CommandError("there is no \(path) to go on from; begin without --resume")
    }
    let state = try TrainingState(path)
    if let given = training.given.first {
      throw UsageError("\(given) cannot be changed by --resume; the saved run has its own")
    }
    return try TrainingRun(
      resuming: state, textPath: text, output: output.path, saveEvery: saveEveryMinutes)
  }
}
