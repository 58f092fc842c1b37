internal import Jobs
internal import Synchronization

/// Lets through as much of a job's progress as a screen can show, and never a
/// step back.
final class ProgressThrottle: Sendable {
  /// A frame at 60 Hz.
  private static let interval = Duration.milliseconds(16)

  private struct State {
    var last: ContinuousClock.Instant?
    var fraction = 0.0
  }

  private let state = Mutex(State())

  /// Whether this is worth a message now.
  func admits(_ progress: Progress) -> Bool {
    let now = ContinuousClock.now
    return state.withLock { state in
      guard progress.fraction >= state.fraction else { return false }
      if let last = state.last, now - last < Self.interval, progress.fraction < 1 { return false }
      state.last = now
      state.fraction = progress.fraction
      return true
    }
  }
}
