internal import Dispatch
internal import Synchronization

/// Holds a job while it is paused. Looking at an open gate costs one load.
public final class PauseGate: Sendable {
  private let paused = Atomic<Bool>(false)
  /// Entered while paused, so that resuming wakes all who wait.
  private let resumed = DispatchGroup()

  /// An open gate.
  public init() {}

  // A group must not be released while it is entered.
  deinit { setPaused(false) }

  /// Whether jobs wait here.
  public var isPaused: Bool { paused.load(ordering: .acquiring) }

  /// Pauses or resumes.
  public func setPaused(_ paused: Bool) {
    if paused {
      resumed.enter()
      if self.paused.exchange(true, ordering: .acquiringAndReleasing) { resumed.leave() }
    } else if self.paused.exchange(false, ordering: .acquiringAndReleasing) {
      resumed.leave()
    }
  }

  /// Returns once not paused, or soon after `cancellation` says stop.
  func wait(unless cancellation: Cancellation) {
    while isPaused, !cancellation.isCancelled {
      _ = resumed.wait(timeout: .now() + .milliseconds(20))
    }
  }
}
