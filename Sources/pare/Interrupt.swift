internal import Glibc
internal import Jobs

/// Turns the first SIGINT, SIGTERM or SIGHUP into a request to stop, so that a
/// command ends by itself and leaves no unfinished file. The second one ends
/// the program at once.
enum Interrupt {
  private static let signals = [SIGINT, SIGTERM, SIGHUP]

  /// Begins to watch, and returns what a signal will cancel. A signal that is
  /// ignored already, as under `nohup`, stays so.
  static func watch() -> Cancellation {
    let cancellation = stop
    var action = sigaction()
    unsafe action.__sigaction_handler.sa_handler = { _ in stop.cancel() }
    // On a stack of its own, as the matrix library needs: see `pare_use_signal_stack`.
    action.sa_flags = SA_RESTART | SA_ONSTACK | Int32(bitPattern: UInt32(SA_RESETHAND))
    for number in signals where !isIgnored(number) {
      unsafe sigaction(number, &action, nil)
    }
    return cancellation
  }

  /// Whether the signal is ignored.
  static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    unsafe sigaction(number, nil, &action)
    let handler = unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
    return unsafe handler == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}

/// A global, because a signal's handler can reach nothing else; it exists
/// before a handler is installed, and to cancel is one atomic store.
private let stop = Cancellation()
