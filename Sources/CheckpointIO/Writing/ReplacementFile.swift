internal import Glibc

/// A file that comes into being whole or not at all: it is written beside its
/// place as `.NAME.pare-save`, synced, and renamed.
///
/// The temporary name is always the same and locked, so that what a killed
/// process left behind is used again by the next save instead of piling up: written
/// over, or gone on with.
@safe
struct ReplacementFile: ~Copyable {
  private let path: String
  private let temporary: String
  private let descriptor: Int32
  /// Below this, the system's own moment to write is as good.
  private static let worthStarting = 1 << 20
  /// Whether the temporary file is not to be removed: it has its place, or enough in
  /// it to go on with.
  private var isKept = false

  init(
    for path: String, access: WholeFile.Access = .standard, keepingWhatIsThere: Bool = false
  ) throws(CheckpointError) {
    let name = FilePath.lastComponent(path)
    guard !name.isEmpty, path.utf8.last != UInt8(ascii: "/") else {
      throw .cannotWrite(path: path, reason: "the path names no file")
    }
    let permissions = try ReplacementFile.permissions(of: path, access)
    let temporary = Self.temporaryPath(for: path)
    descriptor = try ReplacementFile.open(temporary, for: path, permissions, keepingWhatIsThere)
    self.path = path
    self.temporary = temporary
  }

  /// Where a file is written before it takes its place.
  static func temporaryPath(for path: String) -> String {
    FilePath.folder(path) + "." + FilePath.lastComponent(path) + ".pare-save"
  }

  deinit {
    if !isKept { _ = unsafe unlink(temporary) }
    close(descriptor)
  }

  /// What is there may be replaced only when it is a file; its permissions go
  /// over to the new one. Nil where the process's mask decides.
  private static func permissions(
    of path: String, _ access: WholeFile.Access
  ) throws(CheckpointError) -> mode_t? {
    var status = stat()
    let isThere = unsafe stat(path, &status) == 0
    guard !isThere || status.st_mode & S_IFMT == S_IFREG else {
      throw .cannotWrite(path: path, reason: "it is no regular file")
    }
    switch access {
    case .owner: return 0o600
    case .standard: return isThere ? status.st_mode & 0o777 : nil
    }
  }

  private static func open(
    _ temporary: String, for path: String, _ permissions: mode_t?, _ keepingWhatIsThere: Bool
  ) throws(CheckpointError) -> Int32 {
    // Small files are written by several processes at a time: what holds the
    // lock is mostly done soon.
    let attempts = 20
    let pause: useconds_t = 5_000
    for _ in 0..<attempts {
      let descriptor = unsafe Glibc.open(
        temporary, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, permissions ?? 0o666)
      guard descriptor >= 0 else {
        throw .cannotWrite(path: path, reason: lastSystemError())
      }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        close(descriptor)
        usleep(pause)
        continue
      }
      // Between opening and locking, another save may have renamed it away.
      var status = stat()
      if unsafe fstat(descriptor, &status) == 0, status.st_nlink == 1,
        FileIdentity(path: temporary) == FileIdentity(status),
        keepingWhatIsThere || ftruncate(descriptor, 0) == 0,
        permissions.map({ fchmod(descriptor, $0) == 0 }) ?? true
      {
        return descriptor
      }
      close(descriptor)
    }
    throw .cannotWrite(path: path, reason: "another process is saving it")
  }

  func write(_ bytes: Bytes, at offset: Int) throws(CheckpointError) {
    var done = 0
    while done < bytes.count {
      let count = unsafe bytes[done..<bytes.count].withUnsafeBytes { rest in
        unsafe pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .cannotWrite(path: path, reason: lastSystemError()) }
      done += count
    }
    // The disk is to be busy while the next tensor is worked on: Linux begins to write
    // what is not needed any longer.
    if bytes.count >= Self.worthStarting {
      posix_fadvise(descriptor, off_t(offset), off_t(bytes.count), POSIX_FADV_DONTNEED)
    }
  }

  /// What was written; zeros where nothing was.
  func read(_ range: Range<Int>) throws(CheckpointError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: range.count)
    guard unsafe pread(descriptor, &bytes, bytes.count, off_t(range.lowerBound)) >= 0 else {
      throw .cannotWrite(path: path, reason: lastSystemError())
    }
    return bytes
  }

  /// Waits until what was written is on the disk.
  func synchronize() throws(CheckpointError) {
    guard fsync(descriptor) == 0 else {
      throw .cannotWrite(path: path, reason: lastSystemError())
    }
  }

  /// What an earlier save left of the same file; whatever else is there is removed.
  mutating func partialSave(
    _ fingerprint: UInt64, at end: Int, of tensorCount: Int
  ) -> PartialSave? {
    let read = unsafe [UInt8](unsafeUninitializedCapacity: PartialSave.byteCount) { bytes, count in
      count = unsafe max(0, pread(descriptor, bytes.baseAddress, bytes.count, off_t(end)))
    }
    if let part = PartialSave(read), part.fingerprint == fingerprint,
      (1...tensorCount).contains(part.tensorCount)
    {
      isKept = true
      return part
    }
    ftruncate(descriptor, 0)
    return nil
  }

  /// Makes sure of what is written so far, and leaves it there for another save
  /// should this one not come to its end.
  mutating func keep(_ part: PartialSave, at end: Int) throws(CheckpointError) {
    guard fdatasync(descriptor) == 0 else {
      throw .cannotWrite(path: path, reason: lastSystemError())
    }
    try write(Bytes(part.bytes), at: end)
    isKept = true
  }

  /// Cuts off what lies behind the last byte, so that the file is as it will be, and
  /// says where it is until then.
  mutating func whole(byteCount: Int) throws(CheckpointError) -> String {
    isKept = false
    guard ftruncate(descriptor, off_t(byteCount)) == 0 else {
      throw .cannotWrite(path: path, reason: lastSystemError())
    }
    return temporary
  }

  /// Puts the file in its place. The folder is synced too, or the new name
  /// could be lost with the power.
  consuming func commit(byteCount: Int) throws(CheckpointError) {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, Int(status.st_size) >= byteCount,
      ftruncate(descriptor, off_t(byteCount)) == 0, fsync(descriptor) == 0,
      unsafe rename(temporary, path) == 0
    else { throw .cannotWrite(path: path, reason: lastSystemError()) }
    isKept = true
    let folder = FilePath.folder(path)
    let directory = unsafe Glibc.open(folder.isEmpty ? "." : folder, O_RDONLY | O_CLOEXEC)
    guard directory >= 0 else { return }
    fsync(directory)
    close(directory)
  }
}
