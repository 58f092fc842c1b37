internal import Glibc

/// Small files that are there as a whole or not at all.
enum AtomicFile {
  /// The bytes of a file; nil when there is none.
  static func read(_ path: String, limit: Int) throws -> [UInt8]? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw SessionError("it cannot be read: \(reason())")
    }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw SessionError("it is not a file")
    }
    guard status.st_size <= limit else { throw SessionError("it is longer than \(limit) bytes") }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var done = 0
    while done < bytes.count {
      let count = unsafe bytes.withUnsafeMutableBytes {
        unsafe Glibc.read(descriptor, $0.baseAddress! + done, $0.count - done)
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw SessionError("it cannot be read: \(reason())") }
      done += count
    }
    return bytes
  }

  /// Replaces a file: writes a sibling, synchronises it and renames it. The
  /// folder is made where it is missing.
  static func write(_ bytes: [UInt8], to path: String) throws {
    try makeFolder(of: path)
    let sibling = "\(path).\(getpid()).tmp"
    let descriptor = unsafe open(
      sibling, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw failure(path) }
    do {
      defer { close(descriptor) }
      try writeAll(bytes, to: descriptor, path)
      guard fsync(descriptor) == 0 else { throw failure(path) }
    } catch {
      unsafe unlink(sibling)
      throw error
    }
    guard unsafe rename(sibling, path) == 0 else {
      let error = failure(path)
      unsafe unlink(sibling)
      throw error
    }
  }

  private static func writeAll(_ bytes: [UInt8], to descriptor: Int32, _ path: String) throws {
    var done = 0
    while done < bytes.count {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress! + done, $0.count - done)
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw failure(path) }
      done += count
    }
  }

  private static func makeFolder(of path: String) throws {
    let components = path.split(separator: "/").dropLast()
    var folder = path.hasPrefix("/") ? "" : "."
    for component in components {
      folder += "/" + component
      if unsafe mkdir(folder, 0o700) != 0 && errno != EEXIST { throw failure(path) }
    }
  }

  private static func failure(_ path: String) -> SessionError {
    SessionError("the session cannot be written to \(path): \(reason())")
  }

  private static func reason() -> String { unsafe String(cString: strerror(errno)) }
}
