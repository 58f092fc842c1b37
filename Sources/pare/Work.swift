internal import Jobs

/// What a command does that takes a while.
enum Work {
  /// Runs `body` on this thread. Progress goes to stderr where somebody
  /// watches and `title` is not nil, and a signal makes `body` throw `Cancelled`
  /// at its next check.
  static func run<Result>(
    _ title: String?, threads: Int, _ body: (borrowing JobContext) throws -> Result
  ) throws -> Result {
    let line = title.map { ProgressLine($0) }
    defer { line?.finish() }
    return try body(
      JobContext(cancellation: Interrupt.watch(), threads: threads) { line?.show($0) })
  }
}
