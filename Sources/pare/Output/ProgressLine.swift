internal import Glibc
internal import Jobs
internal import Synchronization
internal import Terminal

/// One line on stderr that says how far a job is, where somebody watches.
final class ProgressLine: Sendable {
  private struct State {
    var lastShown: ContinuousClock.Instant?
    var isOnScreen = false
  }

  /// Between two drawings; a tenth of a second reads as alive.
  private static let interval = Duration.milliseconds(100)

  private let isShown = StandardError.isTerminal
  private let state = Mutex(State())
  private let began = ContinuousClock.now
  private let title: String

  init(_ title: String) { self.title = title }

  /// Shows `progress`, at most ten times a second; safe from any thread. The time left is
  /// estimated from the fraction unless the caller knows it better.
  func show(_ progress: Progress, secondsLeft: Double? = nil) {
    guard isShown else { return }
    state.withLock { state in
      let now = ContinuousClock.now
      if let last = state.lastShown, now - last < Self.interval { return }
      state.lastShown = now
      state.isOnScreen = true
      let left = secondsLeft ?? Self.secondsLeft(progress, elapsed: now - began)
      StandardError.clearLine()
      // The last column stays free: a terminal may go to its next line after it.
      StandardError.write(
        ProgressText.line(
          title, fraction: progress.fraction, left: left.map { Figure.duration($0) },
          detail: sentence(progress.detail), columns: StandardError.columns - 1))
    }
  }

  /// Takes the line away again.
  func finish() {
    state.withLock { state in
      if state.isOnScreen { StandardError.clearLine() }
      state.isOnScreen = false
    }
  }

  /// Nil while too little is done for an estimate.
  private static func secondsLeft(_ progress: Progress, elapsed: Duration) -> Double? {
    guard progress.fraction > 0.02 else { return nil }
    let seconds = elapsed / .seconds(1)
    return seconds / min(progress.fraction, 1) - seconds
  }
}
