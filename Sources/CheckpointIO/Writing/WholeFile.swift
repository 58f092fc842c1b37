internal import Glibc

/// Small files that are read whole, and that are written whole or not at all.
///
/// What is written goes to a file beside its place, is synced and renamed: a
/// process killed at any moment leaves the old file or the new one. Links stay, and
/// their targets are written.
public enum WholeFile {
  /// Who may read a file that is new.
  public enum Access: Sendable {
    /// Whoever the process's mask allows.
    case standard
    /// Its owner alone.
    case owner
  }

  /// The bytes of a file; nil if there is no file at `path`.
  ///
  /// Throws `CheckpointError` if it is not a regular file, or longer than
  /// `limit` bytes.
  public static func read(_ path: String, limit: Int) throws(CheckpointError) -> [UInt8]? {
    // Without waiting for a writer where the path names a pipe.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw .cannotRead(path: path, reason: lastSystemError())
    }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw .cannotRead(path: path, reason: "it is not a file")
    }
    var bytes: [UInt8] = []
    // What the file system says is a hint: files of /proc claim to be empty,
    // and another process may be writing.
    bytes.reserveCapacity(min(max(0, Int(status.st_size)), limit))
    var chunk = [UInt8](repeating: 0, count: chunkByteCount)
    while true {
      let count = unsafe Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw .cannotRead(path: path, reason: lastSystemError()) }
      if count == 0 { return bytes }
      guard count <= limit - bytes.count else {
        throw .cannotRead(path: path, reason: "it is longer than \(limit.grouped) bytes")
      }
      bytes += chunk[..<count]
    }
  }

  /// Writes a file, or replaces it where `overwrite` allows that; who may read
  /// the one that was there may read the new one, unless `access` is `.owner`.
  ///
  /// Throws `CheckpointError.cannotWrite`, and `.exists` without `overwrite`.
  public static func write(
    _ bytes: [UInt8], to path: String, overwrite: Bool = true, access: Access = .standard
  ) throws(CheckpointError) {
    var file = try ReplacementFile(for: path, overwrite: overwrite, access: access)
    try file.begin()
    if !bytes.isEmpty { try file.write(Bytes(bytes), at: 0) }
    try file.commit(byteCount: bytes.count)
  }

  /// Makes the folders above a file that are not there, for their owner alone.
  ///
  /// Throws `CheckpointError.cannotWrite`.
  public static func makeFolders(above path: String) throws(CheckpointError) {
    var folder = path.hasPrefix("/") ? "" : "."
    for component in path.split(separator: "/").dropLast() {
      folder += "/" + component
      if unsafe mkdir(folder, 0o700) != 0 && errno != EEXIST {
        throw .cannotWrite(path: path, reason: lastSystemError())
      }
    }
  }

  private static let chunkByteCount = 1 << 16
}
