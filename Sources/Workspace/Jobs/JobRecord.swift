public import Jobs

/// A job as the screen shows it.
public struct JobRecord: Hashable, Identifiable, Sendable {
  /// What a job does.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    case pass, measure, save, sample, statistics, preview, train

    /// Whether it makes, judges or writes weights; the others look at them.
    var needsWeights: Bool { self != .statistics }
  }

  /// How far a job has come.
  public enum State: Hashable, Sendable {
    case queued, running, paused, done, cancelled
    /// With the reason, one sentence.
    case failed(String)

    /// Whether nothing more will come of it.
    public var isOver: Bool {
      switch self {
      case .queued, .running, .paused: false
      case .done, .cancelled, .failed: true
      }
    }
  }

  public let id: JobID
  /// What the job line says: `prune magnitude 50 %`.
  public let title: String
  public let kind: Kind
  public internal(set) var state: State = .queued
  public internal(set) var progress = Progress(fraction: 0)
  /// When it began to run.
  public internal(set) var startedAt: ContinuousClock.Instant?
  /// When it ended.
  public internal(set) var endedAt: ContinuousClock.Instant?
  /// The revision it works on.
  public let revision: RevisionID?
  /// Whether `Workbench.retry` can start it anew.
  public internal(set) var canRetry = false
  var pausedAt: ContinuousClock.Instant?
  var pausedFor: Duration = .zero

  init(id: JobID, title: String, kind: Kind, revision: RevisionID?) {
    self.id = id
    self.title = title
    self.kind = kind
    self.revision = revision
  }

  /// Seconds it has run, pauses left out.
  public var elapsed: Double { elapsed(at: .now) }

  /// Seconds it will still take at the pace so far; nil while that is unknown. A training run's
  /// are in its log: one that was resumed did some of its steps before this job began.
  public var secondsLeft: Double? {
    guard kind != .train, state == .running, progress.fraction > 0.01 else { return nil }
    return elapsed * (1 - progress.fraction) / progress.fraction
  }

  func elapsed(at now: ContinuousClock.Instant) -> Double {
    guard let startedAt else { return 0 }
    let end = endedAt ?? pausedAt ?? now
    return max(0, (end - startedAt - pausedFor) / .seconds(1))
  }

  mutating func setPaused(_ paused: Bool, at now: ContinuousClock.Instant) {
    guard !state.isOver, paused != (state == .paused) else { return }
    if paused {
      pausedAt = now
      state = .paused
    } else {
      if startedAt != nil, let pausedAt { pausedFor += now - pausedAt }
      pausedAt = nil
      state = startedAt == nil ? .queued : .running
    }
  }
}
