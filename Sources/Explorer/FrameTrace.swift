internal import Glibc

/// Writes a line for each frame to a file, so that a test in a real terminal
/// can wait for what it expects instead of sleeping: `frame 12 idle`.
public final class FrameTrace {
  private let descriptor: Int32
  private var count = 0

  /// nil when the file cannot be written.
  public init?(path: String) {
    descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    if descriptor < 0 { return nil }
  }

  deinit { close(descriptor) }

  func frame(isIdle: Bool) {
    count += 1
    var line = Array("frame \(count) \(isIdle ? "idle" : "busy")\n".utf8)
    unsafe _ = write(descriptor, &line, line.count)
  }
}
