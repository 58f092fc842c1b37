internal import Glibc

/// Small text files that the user names.
enum TextFile {
  /// Longest file that is read: no recipe is longer.
  private static let limit = 1 << 20

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  static func read(_ path: String) throws -> String {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("cannot read", path) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count <= limit {
      let count = unsafe Glibc.read(descriptor, &chunk, chunk.count)
      guard count >= 0 else { throw failure("cannot read", path) }
      if count == 0 { break }
      bytes += chunk[..<count]
    }
    guard bytes.count <= limit else {
      throw Failure(description: "\(path) is longer than a megabyte, too long for a recipe")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Failure(description: "\(path) is no UTF-8 text")
    }
    return text
  }

  /// Writes a sibling file, then renames it into place.
  static func write(_ text: String, to path: String, overwrite: Bool) throws {
    if !overwrite, unsafe access(path, F_OK) == 0 {
      throw Failure(description: "\(path) is there already; add --force to replace it")
    }
    let temporary = path + ".part\(getpid())"
    let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure("cannot write", path) }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      guard count > 0 else { break }
      rest = rest.dropFirst(count)
    }
    let isWritten = rest.isEmpty && fsync(descriptor) == 0
    close(descriptor)
    guard isWritten, unsafe rename(temporary, path) == 0 else {
      let error = failure("cannot write", path)
      unsafe _ = unlink(temporary)
      throw error
    }
  }

  private static func failure(_ what: String, _ path: String) -> Failure {
    unsafe Failure(description: "\(what) \(path): \(String(cString: strerror(errno)))")
  }
}
