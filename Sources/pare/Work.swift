internal import Jobs

/// What a command does that takes a while.
enum Work {
  /// Runs `body` on this thread. Progress goes to stderr where somebody
  /// watches, and a signal makes `body` throw `Cancelled` at its next check.
  static func run<Result>(
    _ title: String, threads: Int, _ body: (borrowing JobContext) throws -> Result
  ) throws -> Result {
    let line = ProgressLine(title)
    defer { line.finish() }
    return try body(
      JobContext(cancellation: Interrupt.watch(), threads: threads) { line.show($0) })
  }
}
