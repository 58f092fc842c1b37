internal import Glibc

/// The stream for results.
enum StandardOutput {
  /// Whether somebody watches.
  static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

  /// Writes lines of text; what might command a terminal is shown.
  static func write(_ text: String) { write(Array(lines(text).utf8)) }
  /// Writes bytes as they are.
  static func write(_ bytes: [UInt8]) { writeAll(bytes, to: STDOUT_FILENO) }
}

/// The stream for what is not the result.
enum StandardError {
  /// Whether somebody watches; progress is shown only then.
  static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  /// Writes lines of text; what might command a terminal is shown.
  static func write(_ text: String) { writeAll(Array(lines(text).utf8), to: STDERR_FILENO) }

  /// Goes to the start of the terminal's line and clears what stands there.
  static func clearLine() { writeAll(Array("\r\u{1B}[K".utf8), to: STDERR_FILENO) }
}

/// Writes past partial writes and interruptions; a reader that left ends it.
private func writeAll(_ bytes: [UInt8], to descriptor: Int32) {
  var written = 0
  while written < bytes.count {
    let count = unsafe bytes[written...].withUnsafeBytes {
      unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
    }
    if count > 0 {
      written += count
    } else if errno != EINTR {
      return
    }
  }
}
