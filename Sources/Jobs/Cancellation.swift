internal import Synchronization

/// A flag that stops a job from outside; safe to set from any thread.
public final class Cancellation: Sendable {
  private let flag = Atomic<Bool>(false)

  /// A flag that is not set.
  public init() {}

  /// Asks the job to stop; it does so at its next check.
  public func cancel() { flag.store(true, ordering: .releasing) }

  /// Whether the job is to stop.
  public var isCancelled: Bool { flag.load(ordering: .acquiring) }
}

/// Thrown by a job that was asked to stop; not a failure.
public struct Cancelled: Error, Hashable, Sendable {
  /// The one value.
  public init() {}
}
