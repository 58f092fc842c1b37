internal import Glibc

/// The stream for what is not the result.
enum StandardError {
  /// Whether somebody watches; progress is shown only then.
  static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  static func write(_ text: String) {
    let bytes = Array(text.utf8)
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes[written...].withUnsafeBytes {
        unsafe Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count)
      }
      if count <= 0 { return }
      written += count
    }
  }
}
