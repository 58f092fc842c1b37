internal import Glibc

/// Memory that a checkpoint's bytes live in: a mapped file, bytes of the
/// program itself, or a copy.
///
/// `@unchecked Sendable`: the bytes are never written after `init`.
@safe
package final class Mapping: @unchecked Sendable {
  let start: UnsafePointer<UInt8>
  let count: Int
  /// Device and inode of a mapped file, to know it again under another name.
  package let identity: FileIdentity?
  private let release: Release

  private enum Release { case nothing, unmap, deallocate }

  /// Maps a file for reading; nothing is read yet.
  ///
  /// Throws when the file cannot be opened, is a directory or no regular
  /// file, or is empty.
  package init(path: String) throws(CheckpointError) {
    // Without waiting for a writer where the path names a pipe.
    let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .cannotOpen(path: path, reason: lastSystemError()) }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else {
      throw .cannotOpen(path: path, reason: lastSystemError())
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw .directory(path: path)
    default: throw .notARegularFile(path: path)
    }
    guard status.st_size > 0 else { throw .empty }
    count = Int(status.st_size)
    let address = unsafe mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw .cannotOpen(path: path, reason: lastSystemError())
    }
    unsafe start = unsafe UnsafePointer(address.assumingMemoryBound(to: UInt8.self))
    identity = FileIdentity(status)
    release = .unmap
  }

  /// Bytes that live as long as the process.
  package init(staticBytes: UnsafeRawBufferPointer) throws(CheckpointError) {
    guard let base = staticBytes.baseAddress, staticBytes.count > 0 else { throw .empty }
    unsafe start = unsafe base.assumingMemoryBound(to: UInt8.self)
    count = staticBytes.count
    identity = nil
    release = .nothing
  }

  /// A copy of an array.
  package init(copying array: [UInt8]) {
    let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(array.count, 1))
    _ = unsafe copy.update(fromContentsOf: array)
    unsafe start = unsafe UnsafePointer(copy.baseAddress!)
    count = array.count
    identity = nil
    release = .deallocate
  }

  deinit {
    switch release {
    case .nothing: break
    case .unmap: unsafe munmap(UnsafeMutableRawPointer(mutating: start), count)
    case .deallocate: unsafe UnsafeMutablePointer(mutating: start).deallocate()
    }
  }
}

/// What tells one file from another whatever its path.
package struct FileIdentity: Sendable, Hashable {
  let device: UInt64
  let inode: UInt64

  init(_ status: stat) {
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
  }

  /// The file now at a path, following links; nil when there is none.
  package init?(path: String) {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    self.init(status)
  }
}

/// What the last failed system call says, as a phrase.
func lastSystemError() -> String {
  unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "error \(errno)"
}
