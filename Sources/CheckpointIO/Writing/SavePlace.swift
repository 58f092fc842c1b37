package import Glibc

/// Where a save to a path goes: links are followed, so that their target is written and
/// they stay.
package struct SavePlace {
  /// The path behind all links.
  let path: String
  /// Permissions of the file to be replaced; nil if there is no file yet.
  let permissions: mode_t?

  /// More links in a row lead in a circle (Linux).
  private static let linkLimit = 40

  /// Throws `CheckpointError.cannotWrite` for a path that names no file, and for what may
  /// not be replaced: folders, devices, pipes and sockets.
  init(_ path: String) throws(CheckpointError) {
    guard !FilePath.lastComponent(path).isEmpty, path.utf8.last != UInt8(ascii: "/") else {
      throw .cannotWrite(path: path, reason: "the path names no file")
    }
    var status = stat()
    if unsafe stat(path, &status) == 0 {
      if let kind = Self.kind(status) { throw .cannotWrite(path: path, reason: "it is \(kind)") }
      permissions = status.st_mode & 0o777
    } else {
      permissions = nil
    }
    self.path = try Self.target(of: path)
  }

  /// Whether a file is there.
  var isTaken: Bool { permissions != nil }

  /// Where a file is written before it takes its place.
  var temporary: String { FilePath.folder(path) + Self.temporaryName(FilePath.lastComponent(path)) }

  static func temporaryName(_ name: String) -> String { "." + name + temporarySuffix }

  /// The name of the file that a temporary one is to become; nil for another file.
  static func name(ofTemporary name: String) -> String? {
    guard name.hasPrefix("."), name.hasSuffix(temporarySuffix) else { return nil }
    return String(name.dropFirst().dropLast(temporarySuffix.count))
  }

  private static let temporarySuffix = ".pare-save"

  /// Whether the last component of a path is a link.
  static func isLink(_ path: String) -> Bool {
    var status = stat()
    return unsafe lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
  }

  /// What a file is that is no regular one; nil for a regular one.
  package static func kind(_ status: stat) -> String? {
    switch status.st_mode & S_IFMT {
    case S_IFREG: nil
    case S_IFDIR: "a folder"
    case S_IFCHR, S_IFBLK: "a device"
    case S_IFIFO: "a pipe"
    case S_IFSOCK: "a socket"
    default: "no regular file"
    }
  }

  /// Follows links, also one whose target does not exist.
  private static func target(of path: String) throws(CheckpointError) -> String {
    var target = path
    for _ in 0..<linkLimit {
      guard isLink(target) else { return target }
      var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
      let count = unsafe readlink(target, &buffer, buffer.count)
      let name = String(
        decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
      guard !name.isEmpty else {
        throw .cannotWrite(path: path, reason: "it is a link that cannot be read")
      }
      target = name.hasPrefix("/") ? name : FilePath.folder(target) + name
    }
    throw .cannotWrite(path: path, reason: "its links lead in a circle")
  }
}
