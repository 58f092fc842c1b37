internal import Foundation

/// Holds a job while it is paused.
///
/// `@unchecked Sendable`: `paused` is touched only under `condition`.
public final class PauseGate: @unchecked Sendable {
  private let condition = NSCondition()
  private var paused = false

  public init() {}

  public var isPaused: Bool {
    condition.lock()
    defer { condition.unlock() }
    return paused
  }

  /// Pauses or resumes.
  public func setPaused(_ paused: Bool) {
    condition.lock()
    self.paused = paused
    condition.broadcast()
    condition.unlock()
  }

  /// Returns once not paused, or once `cancellation` says stop (`wake` it).
  func wait(unless cancellation: Cancellation) {
    condition.lock()
    while paused && !cancellation.isCancelled {
      _ = condition.wait(until: Date(timeIntervalSinceNow: 0.05))
    }
    condition.unlock()
  }
}
