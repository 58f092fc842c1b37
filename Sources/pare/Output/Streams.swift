internal import Glibc

/// The stream for results.
enum StandardOutput {
  /// Whether somebody watches.
  static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

  /// Writes lines of text; what might command a terminal is shown.
  static func write(_ text: String) { write(Array(lines(text).utf8)) }

  /// Writes bytes as they are. Ends the program where they cannot be written.
  static func write(_ bytes: [UInt8]) {
    if let error = writeAll(bytes, to: STDOUT_FILENO) { Main.endUnwritten(error) }
  }

  /// Closes the stream: some file systems report a full disk only now.
  static func close() {
    if Glibc.close(STDOUT_FILENO) != 0, errno != EBADF { Main.endUnwritten(errno) }
  }
}

/// The stream for everything but the result.
enum StandardError {
  /// Whether somebody watches; progress is shown only then.
  static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  /// Width of the terminal now, in columns; 80 if unknown.
  static var columns: Int {
    var size = winsize()
    let isKnown = unsafe ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    return isKnown ? Int(size.ws_col) : 80
  }

  /// Writes lines of text; what might command a terminal is shown.
  static func write(_ text: String) { writeAll(Array(lines(text).utf8), to: STDERR_FILENO) }

  /// Goes to the start of the terminal's line and clears what stands there.
  static func clearLine() { writeAll(Array("\r\u{1B}[K".utf8), to: STDERR_FILENO) }
}

/// Writes past partial writes and interruptions. Returns the error that ended it, or nil.
@discardableResult
private func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
  var written = 0
  while written < bytes.count {
    let count = unsafe bytes[written...].withUnsafeBytes {
      unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
    }
    if count > 0 {
      written += count
    } else if count == 0 || errno != EINTR {
      return count == 0 ? ENOSPC : errno
    }
  }
  return nil
}
