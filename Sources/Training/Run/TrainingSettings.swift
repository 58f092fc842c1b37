/// Everything that decides what training does to a network and a text.
public struct TrainingSettings: Sendable, Hashable, Codable {
  /// When training is over.
  public enum Length: Sendable, Hashable, Codable {
    case steps(Int)
    /// Of wall time; how many steps that are is estimated as training goes.
    case minutes(Double)
  }

  public var length: Length
  /// Windows of a batch, and tokens of a window.
  public var batch: Int
  public var context: Int
  /// Batches whose mean gradient makes one step.
  public var accumulate: Int
  /// Share of activations that dropout takes away, 0..<1.
  public var dropout: Float
  public var optimizer: OptimizerSettings
  public var schedule: Schedule
  /// Steps between two measurements of the validation loss; 0 for only one, at the
  /// end.
  public var validateEvery: Int
  public var seed: UInt64
  /// `f32` or `bf16`.
  public var precision: String
  /// The sum of gradients depends on how many there are.
  public var threads: Int
  /// Self-compression; nil for training alone.
  public var compression: CompressionSettings?

  public init(
    length: Length, batch: Int, context: Int, accumulate: Int = 1, dropout: Float,
    optimizer: OptimizerSettings, schedule: Schedule, validateEvery: Int = 250,
    seed: UInt64 = 1337, precision: String = "bf16", threads: Int = 2,
    compression: CompressionSettings? = nil
  ) {
    self.length = length
    self.batch = batch
    self.context = context
    self.accumulate = accumulate
    self.dropout = dropout
    self.optimizer = optimizer
    self.schedule = schedule
    self.validateEvery = validateEvery
    self.seed = seed
    self.precision = precision
    self.threads = threads
    self.compression = compression
  }

  /// Tokens of one step.
  public var tokensPerStep: Int { batch * context * accumulate }

  /// Throws `TrainingError.badSetting` at the first that makes no sense.
  public func check() throws {
    let counts = [
      ("batch", batch, 1 << 16), ("context", context, 1 << 16), ("accumulate", accumulate, 1 << 16),
      ("threads", threads, 1024),
    ]
    for (name, value, limit) in counts where !(1...limit).contains(value) {
      throw TrainingError.badSetting("\(name) is a whole number from 1 to \(limit), not \(value).")
    }
    let isLong =
      switch length {
      case .steps(let steps): (1...1 << 40).contains(steps)
      case .minutes(let minutes): minutes > 0 && minutes.isFinite
      }
    guard isLong else { throw TrainingError.badSetting("Training takes at least one step.") }
    let shares = [
      ("dropout", dropout), ("beta 1", optimizer.adamW.beta1), ("beta 2", optimizer.adamW.beta2),
      ("momentum", optimizer.muon.momentum),
    ]
    for (name, value) in shares where !(value >= 0 && value < 1) {
      throw TrainingError.badSetting("\(name) is a number from 0 to below 1, not \(value).")
    }
    let amounts = [
      ("learning rate", optimizer.adamW.rate), ("learning rate", optimizer.muon.rate),
      ("weight decay", optimizer.adamW.decay), ("weight decay", optimizer.muon.decay),
    ]
    for (name, value) in amounts where !(value >= 0 && value <= 100) {
      throw TrainingError.badSetting("The \(name) is a number from 0 to 100, not \(value).")
    }
    guard optimizer.clip >= 0, optimizer.adamW.epsilon > 0, validateEvery >= 0,
      (0...100).contains(optimizer.muon.iterations), schedule.warmup >= 0
    else { throw TrainingError.badSetting("A setting of the training is out of its range.") }
    try compression?.check()
  }
}
