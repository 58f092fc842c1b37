internal import Dispatch
internal import Glibc
internal import Jobs

/// Turns the first SIGINT, SIGTERM or SIGHUP into a request to stop, so that a
/// command ends by itself and leaves no unfinished file.
final class Interrupt {
  private static let signals = [SIGINT, SIGTERM, SIGHUP]

  let cancellation = Cancellation()
  private let sources: [any DispatchSourceSignal]

  init() {
    let queue = DispatchQueue(label: "pare.interrupt")
    sources = Self.signals.map { DispatchSource.makeSignalSource(signal: $0, queue: queue) }
    for (number, source) in zip(Self.signals, sources) {
      _ = signal(number, SIG_IGN)
      source.setEventHandler { [cancellation] in cancellation.cancel() }
      source.resume()
    }
  }

  deinit {
    for source in sources { source.cancel() }
    for number in Self.signals { _ = signal(number, SIG_DFL) }
  }
}
