internal import Glibc
internal import Jobs
internal import Synchronization

/// One line on stderr that says how far a job is, where somebody watches.
final class ProgressLine: Sendable {
  private struct State {
    var lastShown: ContinuousClock.Instant?
    var isOnScreen = false
  }

  /// Between two drawings; a tenth of a second reads as alive.
  private static let interval = Duration.milliseconds(100)
  private static let barWidth = 24

  private let isShown = StandardError.isTerminal
  private let state = Mutex(State())
  private let began = ContinuousClock.now
  private let title: String

  init(_ title: String) { self.title = title }

  /// Shows `progress`, at most ten times a second; safe from any thread.
  func show(_ progress: Progress) {
    guard isShown else { return }
    state.withLock { state in
      let now = ContinuousClock.now
      if let last = state.lastShown, now - last < Self.interval { return }
      state.lastShown = now
      state.isOnScreen = true
      StandardError.clearLine()
      StandardError.write(line(progress, elapsed: now - began))
    }
  }

  /// Takes the line away again.
  func finish() {
    state.withLock { state in
      if state.isOnScreen { StandardError.clearLine() }
      state.isOnScreen = false
    }
  }

  private func line(_ progress: Progress, elapsed: Duration) -> String {
    let fraction = min(max(progress.fraction, 0), 1)
    let full = Int(fraction * Double(Self.barWidth))
    let bar =
      String(repeating: "#", count: full) + String(repeating: "-", count: Self.barWidth - full)
    let percent = Int(fraction * 100)
    let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
    let left = fraction > 0.02 ? "  \(Int(seconds / fraction - seconds + 0.5)) s left" : ""
    return "\(title) [\(bar)] \(percent) %\(left)  \(sentence(progress.detail))"
  }
}
