internal import ArgumentParser
internal import CheckpointIO
internal import Jobs
internal import Models
internal import Tensors
internal import Training
internal import Transformers
internal import Workspace

/// `pare train TEXT -o FILE`: a network from scratch, or a checkpoint trained on.
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a network on a text, from scratch or from a checkpoint.",
    discussion: """
      The first nine tenths of the text are trained on, the rest validates. Beside FILE there \
      are FILE.log.jsonl, a line for each step, and until the end FILE.state, from which \
      --resume goes on to the same bytes as if never stopped. Ctrl-C saves and stops.
      """)

  @Argument(help: "The text to train on, UTF-8.", completion: .file())
  var text: String

  @OptionGroup var output: OutputOptions
  @OptionGroup var sizes: SizeOptions
  @OptionGroup var training: TrainingOptions

  @Option(
    help: ArgumentHelp(
      "Train this checkpoint on, with its own vocabulary, instead of a new network.",
      valueName: "checkpoint"), completion: .file())
  var from: String?

  @Flag(help: "Go on with the run that was to write the output.")
  var resume = false

  @Option(
    help: ArgumentHelp("Minutes between two checkpoints of the run.", valueName: "number"))
  var saveEveryMinutes = 3.0

  @OptionGroup var threads: ThreadOptions
  @OptionGroup var report: ReportOptions

  func validate() throws {
    guard saveEveryMinutes > 0, saveEveryMinutes <= 1e6 else {
      throw ValidationError("--save-every-minutes is a number above 0, not \(saveEveryMinutes)")
    }
    if resume, from != nil {
      throw ValidationError("--resume goes on from the saved run, so --from makes no sense")
    }
    if from == nil, training.network.activation != nil {
      throw ValidationError("--activation needs --from: a new network has the exact GELU")
    }
    if from != nil, let size = sizes.given.first {
      throw ValidationError("\(size) is decided by the checkpoint of --from")
    }
  }

  func run() throws {
    try output.check(trainingCompresses: false)
    let run = try resume ? resumed() : begun()
    let watcher = TrainingWatcher(run)
    let line = ProgressLine("train")
    defer { line.finish() }
    do {
      try run.run(in: JobContext(cancellation: Interrupt.watch(), threads: threads.count)) {
        watcher.note($0, line)
      }
    } catch is Cancelled {
      line.finish()
      StandardError.write(
        "pare: stopped after step \(run.trainer.progress.step); go on with: "
          + "pare train \(text) -o \(output.path) --resume\n")
      throw Cancelled()
    }
    line.finish()
    if report.json {
      watcher.json.print()
    } else {
      StandardOutput.write(watcher.summary)
    }
  }

  /// A run that begins, with a new network or a checkpoint.
  private func begun() throws -> TrainingRun {
    try output.checkTraining(inputs: [text] + (from.map { [$0] } ?? []))
    let checkpoint = try from.map { try training.network.open($0, toRun: true) }
    let model: TrainingModel
    var settings = training.settings(threads: threads.count)
    if let checkpoint {
      model = try TrainingModel(checkpoint)
      let context = try Network.make(
        checkpoint.parameters, configuration: checkpoint.configuration
      ).configuration.context
      settings = training.settings(threads: threads.count, contextLimit: context)
    } else {
      try check(settings)
      model = try TrainingModel(training.shape(sizes), textPath: text, settings)
    }
    try check(settings)
    return try TrainingRun(
      model, textPath: text, settings: settings, output: output.path,
      overwrite: output.force, saveEvery: saveEveryMinutes)
  }

  /// Settings that make no sense are the command line's fault.
  private func check(_ settings: TrainingSettings) throws {
    do {
      try settings.check()
      if from == nil { try training.shape(sizes).check() }
    } catch {
      throw UsageError("\(error)")
    }
  }

  /// The run that was interrupted.
  private func resumed() throws -> TrainingRun {
    let state = try output.stoppedRun()
    if let given = (training.given + sizes.given).first {
      throw UsageError("\(given) cannot be changed by --resume; the saved run has its own")
    }
    let own = state.progress.settings.threads
    if threads.threads == nil, threads.count != own {
      StandardError.write("pare: going on with \(own) threads, as the run began\n")
    }
    return try TrainingRun(
      resuming: state, textPath: text, output: output.path, saveEvery: saveEveryMinutes)
  }
}
