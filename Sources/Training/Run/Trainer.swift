internal import Models
public import Tensors
internal import Transformers

/// What one step of training was like.
public struct TrainingStep: Sendable, Hashable {
  /// Its number, from 1.
  public let step: Int
  /// Mean cross-entropy of the batch before the update, in nats.
  public let loss: Double
  /// The gradients' norm before clipping.
  public let gradientNorm: Double
  /// AdamW's learning rate, or Muon's where that is used.
  public let rate: Double
  public let tokens: Int
  public let seconds: Double
}

/// Trains a network on a text, one step when asked.
///
/// The same settings, among them the seed and the number of threads, give the same
/// bytes; a run that was saved by `state` and restored goes on as if never stopped.
public final class Trainer {
  public let network: TrainingNetwork
  public private(set) var optimizer: Optimizer
  /// What lets the network compress itself; nil where it only trains.
  public let compression: SelfCompression?
  public let text: TrainingText
  public private(set) var progress: TrainingProgress
  private let sampler: BatchSampler
  private let clock = ContinuousClock()

  public var settings: TrainingSettings { progress.settings }

  /// A factor on the schedule's learning rate from the next step on, 0 or more; part
  /// of what is saved.
  public var rateScale: Double {
    get { progress.rateScale ?? 1 }
    set { progress.rateScale = newValue.isFinite ? max(newValue, 0) : rateScale }
  }

  /// Begins with the network as it is. Throws `TrainingError` when the settings or
  /// the text do not fit it, and `BackendError`.
  public init(
    _ network: TrainingNetwork, on text: TrainingText, _ settings: TrainingSettings
  ) throws {
    try settings.check()
    guard settings.context <= network.configuration.context else {
      throw TrainingError.badSetting(
        "A context of \(settings.context) is more than the network's of "
          + "\(network.configuration.context).")
    }
    try text.check(context: settings.context)
    self.network = network
    self.text = text
    compression = try settings.compression.map { try SelfCompression(network, $0) }
    optimizer = try Optimizer(network, settings.optimizer)
    progress = TrainingProgress(settings: settings, text: text.fingerprint)
    progress.compression = compression?.progress
    sampler = BatchSampler(
      text.training, sequences: settings.batch, length: settings.context, seed: settings.seed)
  }

  /// Goes on where `progress` says, from what `state` remembers; the network must
  /// have been made of the same state. Throws `TrainingStateError`, and what reading
  /// throws.
  public func restore(_ progress: TrainingProgress, _ state: Parameters) throws {
    if let compression {
      try compression.restore(state, progress)
      optimizer = try Optimizer(network, settings.optimizer)
    }
    try optimizer.restore(state, steps: progress.step)
    self.progress = progress
  }

  /// What `restore` needs beside `progress`: all weights, and what the optimizer
  /// remembers.
  public func state() -> Parameters {
    Parameters(network.masters() + optimizer.state() + (compression?.state() ?? []))
  }

  /// Sets γ for the steps to come; without self-compression nothing happens.
  public func setGamma(_ gamma: Double) {
    compression?.gamma = gamma
    progress.compression = compression?.progress
  }

  /// Makes one step. Throws `TrainingError.notFinite` before anything is changed
  /// when the loss or a gradient is, and what `TrainingNetwork.gradients` throws.
  public func advance() throws -> TrainingStep {
    let start = clock.now
    let step = progress.step
    let loss = try gradients(of: step)
    compression?.convertGradients()
    let (norm, broken) = optimizer.gradientNorm()
    guard loss.isFinite, broken == nil else {
      throw TrainingError.notFinite(step: step + 1, tensor: broken?.name)
    }
    let clip = Double(settings.optimizer.clip)
    // As PyTorch's clip_grad_norm_ has it.
    let scale = clip > 0 ? min(clip / (norm + 1e-6), 1) : 1
    let factor = settings.schedule.factor(at: step, of: progress.total) * rateScale
    try optimizer.update(factor: factor, scale: Float(scale))
    progress.step += 1
    try compress()
    let seconds = start.duration(to: clock.now).inSeconds
    progress.elapsed += seconds
    let rate = optimizer.settings.rate
    return TrainingStep(
      step: step + 1, loss: loss, gradientNorm: norm, rate: Double(rate) * factor,
      tokens: settings.tokensPerStep, seconds: seconds)
  }

  /// Self-compression's part of a step.
  private func compress() throws {
    guard let compression else { return }
    let done = Double(progress.step) / Double(max(progress.total, 1))
    compression.advance(done: done)
    progress.compression = compression.progress
    guard progress.step.isMultiple(of: compression.settings.removeEvery) else { return }
    let shapes = network.tensors.map(\.shape)
    let removed = network.removeDeadChannels()
    if !removed.isEmpty { optimizer = try optimizer.following(removed, shapes: shapes) }
  }

  private func gradients(of step: Int) throws -> Double {
    var loss = 0.0
    for part in 0..<settings.accumulate {
      let batch = sampler.batch(step: step, part: part)
      loss += try network.gradients(
        batch.inputs, batch.targets, sequences: settings.batch, length: settings.context,
        dropout: settings.dropout,
        seed: SeedPurpose.dropout.hash(settings.seed, UInt64(step), UInt64(part)),
        accumulate: part > 0, weight: 1 / Float(settings.accumulate))
    }
    return loss / Double(settings.accumulate)
  }

  /// Whether the validation loss is to be measured before the next step.
  public var isValidationDue: Bool {
    guard progress.step > 0, progress.validatedStep != progress.step else { return false }
    let every = settings.validateEvery
    return progress.isFinished || (every > 0 && progress.step.isMultiple(of: every))
  }

  /// Mean cross-entropy over the whole validation part, in f32: the figure that
  /// `Network.evaluate` gives for the saved network. Throws `NetworkError`.
  public func validate(
    configuration: [String: String], shouldStop: @Sendable () -> Bool = { false }
  ) throws -> Double {
    let start = clock.now
    let loss = try Network.make(network.parameters(), configuration: configuration).evaluate(
      text.validation, precision: .f32, threads: settings.threads, shouldStop: shouldStop
    ).loss
    progress.validation = loss
    progress.validatedStep = progress.step
    progress.bestValidation = min(loss, progress.bestValidation ?? loss)
    progress.elapsed += start.duration(to: clock.now).inSeconds
    return loss
  }
}

extension OptimizerSettings {
  /// The highest learning rate of the blocks' matrices.
  public var rate: Float {
    switch method {
    case .adamw: adamW.rate
    case .muon: muon.rate
    }
  }
}

extension Duration {
  var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
