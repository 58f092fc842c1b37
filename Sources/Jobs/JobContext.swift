/// How far a job is: `fraction` never falls, from 0 to 1.
public struct Progress: Sendable, Hashable {
  /// Share of the work that is done, 0…1.
  public var fraction: Double
  /// What is being worked on, such as a layer's path.
  public var detail: String

  /// A job that is so far.
  public init(fraction: Double, detail: String = "") {
    self.fraction = fraction
    self.detail = detail
  }
}

/// What a running job may ask and say. It cannot be kept beyond the job.
public struct JobContext: ~Copyable {
  /// What stops the job.
  public let cancellation: Cancellation
  /// Threads the job may use; results never depend on it.
  public let threads: Int
  private let gate: PauseGate
  private let report: @Sendable (Progress) -> Void

  /// What a job gets; by default nobody watches it.
  public init(
    cancellation: Cancellation = Cancellation(), gate: PauseGate = PauseGate(), threads: Int = 2,
    report: @escaping @Sendable (Progress) -> Void = { _ in }
  ) {
    self.cancellation = cancellation
    self.gate = gate
    self.threads = threads
    self.report = report
  }

  /// Waits while the job is paused and throws `Cancelled` once it is to stop.
  /// To be called at least every 50 ms of work.
  public func checkpoint() throws {
    gate.wait(unless: cancellation)
    if cancellation.isCancelled { throw Cancelled() }
  }

  /// The same question for inner loops on many threads: true when to stop.
  public var shouldStop: @Sendable () -> Bool {
    { [cancellation, gate] in
      gate.wait(unless: cancellation)
      return cancellation.isCancelled
    }
  }

  /// Tells how far the job is.
  public func progress(_ fraction: Double, _ detail: String = "") {
    report(Progress(fraction: fraction, detail: detail))
  }

  /// The same for code that cannot borrow the context.
  public var reporter: @Sendable (_ fraction: Double, _ detail: String) -> Void {
    { [report] in report(Progress(fraction: $0, detail: $1)) }
  }

  /// A context for a part of this job whose own 0…1 counts as `range` of it.
  public func part(_ range: ClosedRange<Double>) -> JobContext {
    let report = report
    return JobContext(cancellation: cancellation, gate: gate, threads: threads) { progress in
      var scaled = progress
      scaled.fraction =
        range.lowerBound + progress.fraction * (range.upperBound - range.lowerBound)
      report(scaled)
    }
  }
}
