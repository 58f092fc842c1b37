internal import Glibc
public import Jobs
internal import Training
public import Workspace

/// What the Training view knows of a run: the one under way, or one from its log.
public struct TrainingWatch: Sendable {
  /// What lies under the chart.
  public enum Picture: String, Sendable, CaseIterable {
    case blocks, histograms, masks
  }

  public internal(set) var header: TrainingLog.Header?
  /// What is drawn: bits (or, without self-compression, the loss of batches) and
  /// the validation loss over steps, and where something was changed. Nothing is kept of
  /// every step, of which a run has any number.
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
  public var picture = Picture.blocks
  /// γ, and by what the schedule's learning rates are multiplied.
  public var dial = NotchDial()
  public var rate = NotchDial(1)

  public init() {}

  /// Whether bit depths are learned.
  var isCompressing: Bool { header?.settings.compression != nil }

  /// The run of a log.
  init(_ log: TrainingLog) {
    begin(log.header, job: nil)
    for entry in log.entries { take(entry) }
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
    let picture = picture
    self = TrainingWatch()
    self.picture = picture
    self.header = header
    self.job = job
    dial.set(header.settings.compression?.gamma ?? 0)
  }

  mutating func take(_ entry: TrainingLog.Entry) {
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

extension AppState {
  mutating func fold(_ news: TrainingNews) {
    switch news {
    case .began(let job, let header):
      training.begin(header, job: job)
    case .logged(let entries): for entry in entries { training.take(entry) }
    case .weights(let id, _):
      training.live = id
      // A file of it has the weights of an earlier step.
      savedFiles[id] = nil
      // What is at hand of it stays on screen until the new comes.
      stale.formUnion(snapshots.keys.filter { $0.revision == id })
      codes.removeAll { $0.revision == id }
      asked = asked.filter {
        if case .requestLayer(_, of: id) = $0 { return false }
        if case .requestCodes(_, of: id) = $0 { return false }
        return true
      }
    case .branched(let id, let step):
      notice = Notice("Step \(step) is kept as \(id); save it with S.")
    case .saved(let step): notice = Notice("Saved after step \(step).")
    case .notSaved(let reason): notice = Notice(reason, isError: true)
    case .stopped(let output):
      notice = Notice(
        "Stopped and saved; :resume goes on, and so does pare compress or train … -o \(output) "
          + "--resume.")
    case .ended: training.job = nil
    case .log(let id, let log):
      if runs.count >= Self.runLimit { runs = [:] }
      runs[id] = log.map { TrainingWatch($0) } ?? TrainingWatch()
    }
  }

  /// Most logs that are kept at hand.
  private static let runLimit = 8

  /// The run that the Training view shows: the one that made the revision on screen, or else
  /// the one that is under way.
  public var shownRun: TrainingWatch {
    if current == training.live, training.header != nil { return training }
    if let own = runs[current], own.header != nil { return own }
    return training.job == nil ? TrainingWatch() : training
  }

  /// Whether the run that made the revision on screen has yet to be looked for.
  var isRunUnknown: Bool { runs[current] == nil && shownRun.live != current }

  /// Whether the run under way is the one that is shown.
  var isLiveRunShown: Bool { training.job != nil && shownRun.job == training.job }

  /// Which run is shown where it is not that of the revision on screen, or not the one under
  /// way; nil where both are.
  var shownRunTitle: String? {
    guard training.job != nil, current != training.live else { return nil }
    let live = training.live?.description ?? "the new revision"
    return isLiveRunShown
      ? "the run of \(live), not of \(current)" : "the run of \(current); \(live) is in training"
  }

  /// What is odd about the stored session, and what can be gone on with.
  mutating func tellOfSession(warning: String?, stoppedRun: String?) {
    let offer = stoppedRun.map {
      "The training run that writes \($0) was stopped; :resume goes on."
    }
    let sentences = [warning, offer].compactMap(\.self)
    guard !sentences.isEmpty else { return }
    notice = Notice(sentences.joined(separator: " — "), isError: warning != nil)
  }

  /// Whether the run's weights are to be brought up to date for the screen.
  var isFollowingTraining: Bool {
    training.job != nil && current == training.live && ViewCatalog.view(view).drawsWeights
  }

  /// Seconds a job will still take; nil while that is unknown. A training run's are those that
  /// the Training view shows.
  func secondsLeft(of job: JobRecord) -> Double? {
    guard job.id == training.job else { return job.secondsLeft }
    return job.state == .running ? training.secondsLeft : nil
  }

  /// The job of the run under way.
  var trainingJob: JobRecord? { training.job.flatMap { id in jobs.first { $0.id == id } } }
}
