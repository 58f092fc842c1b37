internal import Dispatch
internal import Synchronization

/// Writes sessions in the background, the newest only, so that the screen's
/// thread never waits for a disk.
final class SessionWriter: Sendable {
  private struct State {
    var waiting: Session?
    var failure: String?
    /// What the last session written has.
    var known: StoredSession.Known?
  }

  private let queue = DispatchQueue(label: "pare.session", qos: .utility)
  private let state = Mutex(State())
  private let presence: WeightsPresence?

  /// For a session with its weights in a folder.
  init(weightsFolder: String?) { presence = weightsFolder.map { WeightsPresence(folder: $0) } }

  /// Writes this one soon, unless a newer one comes first.
  func write(_ session: Session) {
    let isFirst = state.withLock { state in
      defer { state.waiting = session }
      return state.waiting == nil
    }
    if isFirst { queue.async { self.writeWaiting() } }
  }

  /// Returns once everything is on disk; the sentence if that failed.
  func flush() -> String? {
    queue.sync {}
    return state.withLock { state in
      defer { state.failure = nil }
      return state.failure
    }
  }

  private func writeWaiting() {
    let (session, known) = state.withLock { state in
      defer { state.waiting = nil }
      return (state.waiting, state.known)
    }
    guard let session else { return }
    do {
      let written = try session.write(knowing: known ?? session.known, presence)
      state.withLock { $0.known = written }
    } catch {
      state.withLock { $0.failure = "\(error)" }
    }
  }
}
