internal import Glibc
public import Jobs
internal import Training
public import Workspace

/// What the Training view knows of a run: the one under way, or one from its log.
public struct TrainingWatch: Sendable {
  public internal(set) var header: TrainingLog.Header?
  /// What is drawn: bits (or, without self-compression, the loss of batches) and
  /// the validation loss over steps, and where γ was changed. The curves are thinned: a run may
  /// have any number of steps.
  public internal(set) var left = TrainingCurve()
  public internal(set) var validation = TrainingCurve()
  public internal(set) var marks: [Int] = []
  /// Of each figure the last value.
  public internal(set) var latest = TrainingLog.Entry(step: 0)
  /// Running mean of the batches' losses, which jump.
  public internal(set) var meanLoss: Double?
  public internal(set) var speed: Double?
  /// The run that is under way.
  public internal(set) var job: JobID?
  /// The revision that follows it.
  public internal(set) var live: RevisionID?
  /// γ, and by what the schedule's learning rates are multiplied.
  public var dial = NotchDial()
  public var rate = NotchDial(1)

  public init() {}

  /// Whether bit depths are learned.
  var isCompressing: Bool { header?.settings.compression != nil }

  /// The run of a log.
  init(_ log: TrainingLog) {
    begin(log.header, job: nil)
    take(log.entries)
  }

  /// Why γ cannot be set by hand; nil where it can.
  var whyGammaIsFixed: String? {
    guard isCompressing else { return "This run has no γ." }
    guard let target = header?.settings.compression?.target else { return nil }
    return "γ is steered by the target of \(target) bits; a run with --gamma "
      + "leaves it to you."
  }

  /// Most marks that are kept: more than a screen has columns.
  private static let markLimit = 1024

  mutating func begin(_ header: TrainingLog.Header, job: JobID?) {
    self = TrainingWatch()
    self.header = header
    self.job = job
    dial.set(header.settings.compression?.gamma ?? 0)
  }

  mutating func take(_ entries: [TrainingLog.Entry]) {
    for entry in entries { take(entry) }
  }

  private mutating func take(_ entry: TrainingLog.Entry) {
    latest.take(entry)
    if let loss = entry.loss { meanLoss = meanLoss.map { $0 + (loss - $0) * 0.1 } ?? loss }
    if let now = entry.tokensPerSecond { speed = speed.map { $0 + (now - $0) * 0.1 } ?? now }
    if let value = isCompressing ? entry.q : meanLoss, entry.loss != nil {
      left.append(step: entry.step, value)
    }
    entry.validation.map { validation.append(step: entry.step, $0) }
    if entry.event == "gamma", marks.count < Self.markLimit { marks.append(entry.step) }
    // Steering moves γ by itself; the dial goes on from there.
    if header?.settings.compression?.target != nil, let gamma = entry.gamma, entry.event == nil {
      dial.set(gamma)
    }
  }

  /// Seconds to the end.
  var secondsLeft: Double? {
    guard let header, job != nil, let elapsed = latest.elapsed, latest.step > 0 else { return nil }
    switch header.settings.length {
    case .minutes(let minutes): return max(minutes * 60 - elapsed, 0)
    case .steps(let steps):
      return elapsed / Double(latest.step) * Double(max(steps - latest.step, 0))
    }
  }

  /// Steps the run is to have, where that is known.
  var stepCount: Int? {
    guard case .steps(let steps)? = header?.settings.length else { return nil }
    return steps
  }
}

/// A number as keys turn it: by a tenth up or down, and back to the very same value.
public struct NotchDial: Sendable, Hashable {
  private var base: Double
  private var notches = 0

  public init(_ value: Double = 0) { base = value }

  public var value: Double { notches == 0 ? base : base * pow(1.1, Double(notches)) }

  public mutating func set(_ value: Double) {
    base = value
    notches = 0
  }

  /// Turns by notches, within what γ and a factor of a rate may be.
  public mutating func turn(by count: Int) {
    var turned = self
    turned.notches += count
    if turned.value <= 100, turned.value >= 1e-9 || base == 0 { self = turned }
  }
}

/// A curve over steps with no more points than a screen can show.
public struct TrainingCurve: Sendable, Hashable {
  public private(set) var points: [(step: Int, value: Double)] {
    get { steps.indices.map { (steps[$0], values[$0]) } }
    set {
      steps = newValue.map(\.step)
      values = newValue.map(\.value)
    }
  }
  private var steps: [Int] = []
  private var values: [Double] = []
  /// Every how many points one is kept, and how many were since.
  private var stride = 1
  private var skipped = 0
  private static let limit = 2048

  public init() {}

  public mutating func append(step: Int, _ value: Double) {
    skipped += 1
    guard skipped >= stride else { return }
    skipped = 0
    steps.append(step)
    values.append(value)
    guard steps.count >= Self.limit else { return }
    points = points.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
    stride *= 2
  }

  /// Lowest and highest value; nil for no point.
  var range: ClosedRange<Double>? {
    guard let low = values.min(), let high = values.max() else { return nil }
    return low...high
  }
}

extension TrainingLog.Entry {
  /// Takes over what another says.
  fileprivate mutating func take(_ entry: TrainingLog.Entry) {
    step = entry.step
    loss = entry.loss ?? loss
    validation = entry.validation ?? validation
    rate = entry.rate ?? rate
    elapsed = entry.elapsed ?? elapsed
    q = entry.q ?? q
    packedBits = entry.packedBits ?? packedBits
    entropyBits = entry.entropyBits ?? entropyBits
    gamma = entry.gamma ?? gamma
    liveChannels = entry.liveChannels ?? liveChannels
  }
}
