internal import CheckpointIO
internal import Glibc
public import Jobs
internal import Models
public import Tensors
public import Training
internal import Transformers

/// A network's way from its first step to its last, with its files: the checkpoint it
/// makes, the state it can be resumed from, and a log.
public final class TrainingRun {
  /// What is told while training goes on.
  public enum Event: Sendable {
    case step(TrainingStep, TrainingProgress)
    /// A line of the log.
    case logged(TrainingLog.Entry)
    /// The weights after a step, because somebody looks at them, or to be kept.
    case weights(step: Int, Parameters, isBranch: Bool)
    /// The validation loss after a step.
    case validated(TrainingProgress)
    case saved(step: Int)
    /// A checkpoint or the log could not be written, and why; training goes on.
    case notSaved(String)
    /// After the last step the result could not be written, and why; it is tried again for
    /// so many seconds.
    case retrying(String, seconds: Double)
  }

  /// Seconds between two attempts at the last save, and after which it is given up.
  package struct Patience: Sendable {
    package var interval = 5.0
    package var total = 120.0
  }

  package var patience = Patience()
  /// Seconds after which a save that failed is tried again.
  private static let retryAfter = 30.0

  public let trainer: Trainer
  public let output: String
  /// The log's first line.
  public let header: TrainingLog.Header
  private let model: TrainingModel
  private let saveEvery: Double
  private var log: TrainingLogWriter?
  private let files: TrainingFiles
  private let clock = ContinuousClock()
  private var nextSave: ContinuousClock.Instant

  /// A run of `model` on a text file, which saves every `saveEvery` minutes to
  /// `output`. Files of an earlier run are replaced only where `overwrite` says so.
  ///
  /// Throws `TextError`, `TrainingError`, `NetworkError`, `CheckpointError` when a file is
  /// there or an input would be written over, and `TrainingFileError` when the log cannot
  /// be written.
  public init(
    _ model: TrainingModel, textPath: String, settings: TrainingSettings, output: String,
    overwrite: Bool = false, saveEvery: Double
  ) throws {
    try Self.check(output: output, isCompressing: settings.compression != nil)
    try TrainingFiles.check(output, inputs: [textPath], source: model.source)
    files = try TrainingFiles(output, overwrite: overwrite)
    self.model = model
    self.output = output
    self.saveEvery = saveEvery
    trainer = try TrainingRun.trainer(model, textPath, settings)
    nextSave = clock.now + .seconds(saveEvery * 60)
    header = TrainingRun.header(trainer, model)
    log = try TrainingLogWriter(TrainingLog.path(for: output), header, overwrite: overwrite)
  }

  /// Goes on with the run that writes `output`, with its settings. Throws as `init`,
  /// and `TrainingFileError` when the text is another one.
  public init(
    resuming state: TrainingState, textPath: String, output: String, saveEvery: Double
  ) throws {
    try TrainingFiles.check(output, inputs: [textPath], source: nil)
    files = try TrainingFiles(output, overwrite: true)
    model = try TrainingModel(state)
    self.output = output
    self.saveEvery = saveEvery
    trainer = try TrainingRun.trainer(model, textPath, state.progress.settings)
    nextSave = clock.now + .seconds(saveEvery * 60)
    guard state.progress.text == trainer.text.fingerprint else {
      throw TrainingFileError("\(textPath) is not the text that the saved training began with")
    }
    try trainer.restore(
      state.progress,
      Parameters(Array(state.checkpoint.parameters) + Array(state.checkpoint.trainingState)))
    header = TrainingRun.header(trainer, model)
    log = try TrainingLogWriter(
      continuing: TrainingLog.path(for: output), header,
      through: state.progress.step)
  }

  /// Refuses an output whose files would be one of `inputs`. Throws `CheckpointError`.
  public static func check(output: String, inputs: [String]) throws {
    try TrainingFiles.check(output, inputs: inputs, source: nil)
  }

  /// Refuses an output whose name asks for what a run does not write. Throws
  /// `TrainingFileError`.
  public static func check(output: String, isCompressing: Bool) throws(TrainingFileError) {
    switch FileFormat(named: output) {
    case .safetensors: break
    case .pytorch:
      guard isCompressing else { return }
      throw TrainingFileError(
        "\(output) would be PyTorch, which is dense; a compressed network is packed, as "
          + "safetensors")
    case .gguf:
      throw TrainingFileError(
        "\(output) would be GGUF; training writes safetensors, of which pare convert --type "
          + "makes GGUF")
    }
  }

  private static func header(_ trainer: Trainer, _ model: TrainingModel) -> TrainingLog.Header {
    TrainingLog.Header(
      program: trainer.compression == nil ? "pare train" : "pare compress",
      settings: trainer.settings,
      parameters: trainer.network.tensors.reduce(0) { $0 + $1.shape.count },
      vocabulary: model.vocabulary.count, trainingTokens: trainer.text.training.count,
      validationTokens: trainer.text.validation.count)
  }

  private static func trainer(
    _ model: TrainingModel, _ textPath: String, _ settings: TrainingSettings
  ) throws -> Trainer {
    let file = try TextFile(path: textPath, part: .whole)
    let text: TrainingText
    do {
      text = try TrainingText(try file.contents(), vocabulary: model.vocabulary)
    } catch let error as NetworkError {
      throw TextError("\(textPath): \(error)")
    }
    let known = try Network.make(model.parameters, configuration: model.configuration)
    try TrainingMemory.check(
      NetworkShape(
        blocks: known.configuration.blocks, heads: known.configuration.heads,
        width: known.configuration.width, context: known.configuration.context),
      weights: model.parameters.weightCount, settings)
    let precision = Precision(rawValue: settings.precision) ?? .f32
    let network = try TrainingNetwork(
      model.parameters, configuration: model.configuration, precision: precision,
      threads: settings.threads)
    return try Trainer(network, on: text, settings)
  }

  /// Trains to the end. Throws `Cancelled` once `job` is to stop, after all is saved
  /// to be resumed; `TrainingError.notFinite`, after the last good step is saved; and
  /// `CheckpointError` when the result cannot be saved. What `controls` wish is done
  /// between two steps.
  public func run(
    in job: borrowing JobContext, controls: TrainingControls? = nil, report: (Event) -> Void
  ) throws {
    do {
      while !trainer.progress.isFinished {
        try job.checkpoint()
        if let controls { heed(controls, report) }
        // Due also where the run was stopped before it was done.
        if trainer.isValidationDue { try validate(job, report) }
        note(try trainer.advance(), report)
        if clock.now >= nextSave { saveOrTellWhy(report) }
      }
      if trainer.isValidationDue { try validate(job, report) }
    } catch {
      if error is Cancelled || isStop(error) {
        try saveAll(report)
        throw Cancelled()
      }
      if error is TrainingError { try saveAll(report) }
      throw error
    }
    try finish(in: job, report)
  }

  private func heed(_ controls: TrainingControls, _ report: (Event) -> Void) {
    let wishes = controls.take(at: clock.now)
    if let gamma = wishes.gamma, let compression = trainer.compression {
      noteChange("gamma", gamma: gamma, report)
      if compression.gamma != gamma { trainer.setGamma(gamma) }
    }
    if let factor = wishes.rateFactor {
      trainer.rateScale = factor
      noteChange("learning rate × \(factor)", gamma: trainer.compression?.gamma, report)
    }
    if wishes.save { saveOrTellWhy(report) }
    guard wishes.weights || wishes.branch else { return }
    report(
      .weights(
        step: trainer.progress.step, trainer.network.parameters(), isBranch: wishes.branch))
    if wishes.branch { noteChange("branch", gamma: trainer.compression?.gamma, report) }
  }

  private func noteChange(_ event: String, gamma: Double?, _ report: (Event) -> Void) {
    var entry = TrainingLog.Entry(step: trainer.progress.step)
    entry.event = event
    entry.gamma = gamma
    add(entry, report)
  }

  private func isStop(_ error: any Error) -> Bool {
    if case NetworkError.stopped? = error as? NetworkError { return true }
    return false
  }

  private func note(_ step: TrainingStep, _ report: (Event) -> Void) {
    var entry = TrainingLog.Entry(step: step.step)
    entry.loss = step.loss
    entry.rate = step.rate
    entry.gradientNorm = step.gradientNorm
    entry.tokensPerSecond = Double(step.tokens) / max(step.seconds, 1e-9)
    entry.elapsed = trainer.progress.elapsed
    if let compression = trainer.compression {
      entry.q = compression.meanDepth
      entry.gamma = compression.gamma
      entry.liveChannels = compression.channels.live
    }
    add(entry, report)
    report(.step(step, trainer.progress))
  }

  private func validate(
    _ job: borrowing JobContext, _ report: (Event) -> Void
  ) throws {
    var entry = TrainingLog.Entry(step: trainer.progress.step)
    entry.validation = try trainer.validate(
      configuration: model.configuration, shouldStop: job.shouldStop)
    entry.elapsed = trainer.progress.elapsed
    if trainer.compression != nil, let sizes = try? ChannelSizes(of: trainer.network.parameters()) {
      entry.packedBits = sizes.packedBitsPerWeight
      entry.entropyBits = sizes.entropyPerWeight
    }
    add(entry, report)
    report(.validated(trainer.progress))
  }

  /// A log that cannot be written is told of once and given up.
  private func add(_ entry: TrainingLog.Entry, _ report: (Event) -> Void) {
    report(.logged(entry))
    guard let log, !log.add(entry) else { return }
    self.log = nil
    report(.notSaved("\(TrainingLog.path(for: output)) cannot be written any more"))
  }

  /// The output as it stands and the state, each whole or not at all.
  private func saveAll(_ report: (Event) -> Void) throws {
    try TrainingState.write(trainer, of: model, to: files.state)
    try saveOutput()
    report(.saved(step: trainer.progress.step))
  }

  private func saveOutput() throws {
    let progress = trainer.progress
    var metadata = model.metadata
    metadata["iter_num"] = String(progress.step)
    metadata["val_loss"] = progress.validation.map { String($0) }
    metadata["best_val_loss"] = progress.bestValidation.map { String($0) }
    var request = try SaveRequest(
      named: output, SaveOptions(isPacked: trainer.compression != nil ? true : nil), packs: false)
    request.metadata = metadata
    try request.plan(
      ModelState(trainer.network.parameters(), configuration: model.configuration), of: nil,
      to: output
    ).plan.write(
      to: files.output)
  }

  private func saveOrTellWhy(_ report: (Event) -> Void) {
    do {
      try saveAll(report)
      nextSave = clock.now + .seconds(saveEvery * 60)
    } catch {
      report(.notSaved("\(error)"))
      nextSave = clock.now + .seconds(min(TrainingRun.retryAfter, saveEvery * 60))
    }
  }

  /// Saves the result and removes the state. A disk that is full may be made room on
  /// meanwhile: it is tried again for two minutes, which is told once. A run that is stopped
  /// meanwhile leaves its state, or throws why it cannot.
  private func finish(in job: borrowing JobContext, _ report: (Event) -> Void) throws {
    let end = clock.now + .seconds(patience.total)
    var told: String?
    while true {
      do {
        try saveOutput()
        break
      } catch CheckpointError.exists(let path) {
        // Waiting does not help: what the run has learned is in its state.
        try TrainingState.write(trainer, of: model, to: files.state)
        throw CheckpointError.exists(path: path)
      } catch {
        let left = (end - clock.now) / .seconds(1)
        guard left > 0 else {
          try? TrainingState.write(trainer, of: model, to: files.state)
          throw error
        }
        if told != "\(error)" { report(.retrying("\(error)", seconds: left)) }
        told = "\(error)"
        try wait(min(patience.interval, left), in: job)
      }
    }
    report(.saved(step: trainer.progress.step))
    unsafe unlink(TrainingState.path(for: output))
    files.discard()
  }

  /// Throws `Cancelled` once `job` is to stop, after the state is saved.
  private func wait(_ seconds: Double, in job: borrowing JobContext) throws {
    let again = clock.now + .seconds(seconds)
    while clock.now < again {
      do {
        try job.checkpoint()
      } catch {
        try TrainingState.write(trainer, of: model, to: files.state)
        throw error
      }
      usleep(100_000)
    }
  }
}
