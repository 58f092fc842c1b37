internal import ArgumentParser
internal import CheckpointIO
internal import Jobs
internal import Models
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
      removed, and training gets faster. --target steers γ to a number of bits per weight. Beside \
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
  @Option(
    help: ArgumentHelp("Bit depth of all channels at the start; 4 unless told.", valueName: "bits"))
  var depth: Float?
  @Option(
    help: ArgumentHelp(
      "Adam's learning rate of depths and exponents, the most they move in a step; 0.5, or 0.1 "
        + "with a target.", valueName: "number"))
  var depthRate: Float?
  @Option(
    help: ArgumentHelp(
      "Adam's ε for them, below which gradients move them in proportion; 1e-3, or 2.5e-5 with "
        + "a target.", valueName: "number"))
  var depthEpsilon: Float?
  @Option(
    help: ArgumentHelp(
      "Share of the run after which bit depths stay and only weights learn; 0.85, or 0.6 with a "
        + "target.", valueName: "share"))
  var settleAt: Double?

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
  }

  func run() throws {
    try output.check(trainingCompresses: true)
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
    var settings = target.map { CompressionSettings.toward($0) } ?? CompressionSettings()
    gamma.map { settings.gamma = $0 }
    depth.map { settings.depth = $0 }
    depthRate.map { (settings.depthRate, settings.exponentRate) = ($0, $0) }
    depthEpsilon.map { settings.epsilon = $0 }
    settleAt.map { settings.settleAt = $0 }
    return settings
  }

  private func begun() throws -> TrainingRun {
    try output.checkTraining(inputs: [checkpoint, text])
    let source = try training.network.open(checkpoint, toRun: true)
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
      overwrite: output.force, saveEvery: saveEveryMinutes)
  }

  private func resumed() throws -> TrainingRun {
    let state = try output.stoppedRun()
    if let given = training.given.first {
      throw UsageError("\(given) cannot be changed by --resume; the saved run has its own")
    }
    return try TrainingRun(
      resuming: state, textPath: text, output: output.path, saveEvery: saveEveryMinutes)
  }
}
