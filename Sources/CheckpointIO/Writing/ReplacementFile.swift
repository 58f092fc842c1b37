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
  private let place: String
  private let temporary: String
  private let overwrite: Bool
  private let descriptor: Int32
  /// Below this, the system's own moment to write is as good.
  private static let worthStarting = 1 << 20
  /// Whether the temporary file is not to be removed: it has its place, or enough in
  /// it to go on with.
  private var isKept: Bool

  /// Claims the place of a file. Nothing that is there changes until `begin` or
  /// `partialSave`.
  ///
  /// Throws `CheckpointError.exists` where a file is there and `overwrite` is false, and
  /// `.cannotWrite`.
  init(
    for path: String, overwrite: Bool, access: WholeFile.Access = .standard
  ) throws(CheckpointError) {
    let place = try SavePlace(path)
    try self.init(
      path, at: place.path, by: place.temporary, overwrite: overwrite,
      access == .owner ? 0o600 : place.permissions)
  }

  /// A copy of the file at the usual temporary name, which therefore has another.
  init(copyFor path: String) throws(CheckpointError) {
    try self.init(
      path, at: path, by: SavePlace(path).temporary + "-copy", overwrite: false, nil)
  }

  private init(
    _ path: String, at place: String, by temporary: String, overwrite: Bool,
    _ permissions: mode_t?
  ) throws(CheckpointError) {
    let file = try Self.open(temporary, for: path, permissions)
    // Asked once the claim is made: whoever had it before may have written the file.
    if !overwrite, FileIdentity(path: place) != nil {
      if file.isEmpty { NameChange.remove(temporary) }
      close(file.descriptor)
      throw .exists(path: path)
    }
    descriptor = file.descriptor
    isKept = !file.isEmpty
    self.path = path
    self.place = place
    self.temporary = temporary
    self.overwrite = overwrite
  }

  deinit {
    if !isKept { NameChange.remove(temporary) }
    close(descriptor)
  }

  /// Opens and locks the temporary file.
  private static func open(
    _ temporary: String, for path: String, _ permissions: mode_t?
  ) throws(CheckpointError) -> (descriptor: Int32, isEmpty: Bool) {
    // Small files are written by several processes at a time: what holds the
    // lock is mostly done soon.
    let attempts = 20
    let pause: useconds_t = 5_000
    for _ in 0..<attempts {
      let descriptor = unsafe Glibc.open(
        temporary, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, permissions ?? 0o666)
      guard descriptor >= 0 else {
        let reason = errno == ELOOP ? "\(temporary) is a link" : lastSystemError()
        throw .cannotWrite(path: path, reason: reason)
      }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        close(descriptor)
        usleep(pause)
        continue
      }
      var status = stat()
      if unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
        close(descriptor)
        throw .cannotWrite(path: path, reason: "\(temporary) is no regular file")
      }
      // Between opening and locking, another save may have renamed it away.
      if status.st_nlink > 0, FileIdentity(path: temporary) == FileIdentity(status),
        permissions.map({ fchmod(descriptor, $0) == 0 }) ?? true
      {
        if status.st_nlink == 1 { return (descriptor, status.st_size == 0) }
        // A save was killed after its file got its place and before this name went.
        NameChange.remove(temporary)
      }
      close(descriptor)
    }
    throw .cannotWrite(path: path, reason: "another save to it is under way")
  }

  /// Removes what an earlier save left.
  mutating func begin() throws(CheckpointError) {
    isKept = false
    guard ftruncate(descriptor, 0) == 0 else {
      throw .cannotWrite(path: path, reason: lastSystemError())
    }
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

  /// What an earlier save left of the same file; whatever else is there is removed.
  mutating func partialSave(
    _ fingerprint: UInt64, at end: Int, of tensorCount: Int
  ) throws(CheckpointError) -> PartialSave? {
    let read = unsafe [UInt8](unsafeUninitializedCapacity: PartialSave.byteCount) { bytes, count in
      count = unsafe max(0, pread(descriptor, bytes.baseAddress, bytes.count, off_t(end)))
    }
    if let part = PartialSave(read), part.fingerprint == fingerprint,
      (1...tensorCount).contains(part.tensorCount)
    {
      isKept = true
      return part
    }
    try begin()
    return nil
  }

  /// Syncs what is written so far, and leaves it for another save in case this one is
  /// stopped.
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

  /// Cuts off what lies behind the last byte and waits until the file is on the disk.
  mutating func settle(byteCount: Int) throws(CheckpointError) {
    isKept = false
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, Int(status.st_size) >= byteCount,
      ftruncate(descriptor, off_t(byteCount)) == 0, fsync(descriptor) == 0
    else { throw .cannotWrite(path: path, reason: lastSystemError()) }
  }

  /// Puts the file in its place. The folder is synced too, or the new name
  /// could be lost with the power.
  ///
  /// Throws `CheckpointError.exists` where a file has appeared there that may not be
  /// replaced; `part` is kept then, so that the next save goes on from there.
  consuming func commit(
    byteCount: Int, orKeeping part: PartialSave? = nil
  ) throws(CheckpointError) {
    try settle(byteCount: byteCount)
    guard
      overwrite
        ? NameChange.rename(temporary, to: place)
        : NameChange.renameToFree(temporary, to: place)
    else {
      guard errno == EEXIST else { throw .cannotWrite(path: path, reason: lastSystemError()) }
      if let part { try keep(part, at: byteCount) }
      throw .exists(path: path)
    }
    isKept = true
    NameChange.synchronizeFolder(of: place)
  }

  /// Leaves the temporary file where it is: something else names it now.
  consuming func release() { isKept = true }

  /// Removes the temporary file whatever is in it.
  consuming func discard() { isKept = false }
}
