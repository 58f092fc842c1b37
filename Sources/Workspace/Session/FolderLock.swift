internal import CheckpointIO
internal import Glibc

/// A lock on a folder, so that of two programs one at a time reads and writes what is in it.
enum FolderLock {
  /// Seconds for which another program is waited for; one that was stopped may hold it forever.
  private static let patience = 5.0
  private static let pause: useconds_t = 2_000

  /// Does something while no other program does. Where the file system has no locks it is done
  /// without one. Throws `SessionError` when another program keeps the lock, and what `body`
  /// throws.
  static func holding<R>(folderOf path: String, _ body: () throws -> R) throws -> R {
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return try body() }
    defer { close(descriptor) }
    guard take(LOCK_EX, of: descriptor) else {
      throw SessionError("another pare keeps \(folder) locked")
    }
    return try body()
  }

  /// Takes a lock of an open folder; false when another program keeps it.
  @discardableResult
  static func take(_ lock: CInt, of descriptor: CInt) -> Bool {
    let start = ContinuousClock.now
    while flock(descriptor, lock | LOCK_NB) != 0, errno == EWOULDBLOCK || errno == EINTR {
      guard ContinuousClock.now - start < .seconds(patience) else { return false }
      usleep(pause)
    }
    return true
  }
}
