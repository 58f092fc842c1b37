internal import CFaults
internal import Glibc
internal import Tensors

/// Memory that a checkpoint's bytes live in: a mapped file, bytes of the
/// program itself, or a copy.
///
/// `@unchecked Sendable`: the bytes are never written after `init`.
@safe
package final class Mapping: @unchecked Sendable {
  let start: UnsafePointer<UInt8>
  let count: Int
  /// The mapped files, one after another.
  private let files: [MappedFile]
  private let release: Release

  private enum Release {
    case nothing, unmap, deallocate
    /// So many bytes of `WeightMemory`.
    case recycle(Int)
  }

  /// Device and inode of the mapped files, to know them again under other names.
  package var identities: [FileIdentity] { files.map(\.identity) }

  /// Where each of several mapped files begins.
  var fileStarts: [Int] { files.count > 1 ? files.map(\.range.lowerBound) : [] }

  /// Maps a file for reading; nothing is read yet.
  ///
  /// Throws when the file cannot be opened, is a directory or no regular
  /// file, or is empty.
  package init(path: String) throws(CheckpointError) {
    let (descriptor, status) = try Mapping.open(path)
    defer { close(descriptor) }
    count = Int(status.st_size)
    let address = unsafe mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw .cannotOpen(path: path, reason: lastSystemError())
    }
    unsafe start = unsafe UnsafePointer(address.assumingMemoryBound(to: UInt8.self))
    files = [unsafe MappedFile(path: path, status, range: 0..<count, of: address)]
    release = .unmap
  }

  /// Opens a regular file that is not empty; its status tells its size.
  private static func open(
    _ path: String
  ) throws(CheckpointError) -> (descriptor: Int32, status: stat) {
    // Without waiting for a writer where the path names a pipe.
    let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .cannotOpen(path: path, reason: lastSystemError()) }
    var status = stat()
    let isKnown = unsafe fstat(descriptor, &status) == 0
    let kind = status.st_mode & S_IFMT
    if isKnown, kind == S_IFREG, status.st_size > 0 { return (descriptor, status) }
    let reason = lastSystemError()
    close(descriptor)
    guard isKnown else { throw .cannotOpen(path: path, reason: reason) }
    switch kind {
    case S_IFREG: throw .empty
    case S_IFDIR: throw .directory(path: path)
    default: throw .notARegularFile(path: path)
    }
  }

  /// Maps several files one after another, each from a page boundary on, and tells
  /// where each one is. What lies between them is 0 or must not be read.
  ///
  /// Throws as mapping one does.
  static func joining(
    _ paths: [String]
  ) throws(CheckpointError) -> (mapping: Mapping, ranges: [Range<Int>]) {
    var files: [OpenFile] = []
    defer { for file in files { close(file.descriptor) } }
    for path in paths {
      let (descriptor, status) = try open(path)
      files.append(OpenFile(path: path, descriptor: descriptor, status: status))
    }
    return try join(files)
  }

  /// The same of those files that can be mapped; for each of the others its error.
  ///
  /// Throws when memory cannot be had.
  static func joiningThose(
    of paths: [String]
  ) throws(CheckpointError) -> (mapping: Mapping, files: [Result<Range<Int>, CheckpointError>]) {
    var files: [OpenFile] = []
    defer { for file in files { close(file.descriptor) } }
    var errors: [CheckpointError?] = []
    for path in paths {
      do throws(CheckpointError) {
        let (descriptor, status) = try open(path)
        files.append(OpenFile(path: path, descriptor: descriptor, status: status))
        errors.append(nil)
      } catch {
        errors.append(error)
      }
    }
    if files.isEmpty, let error = errors.first ?? nil { throw error }
    let (mapping, ranges) = try join(files)
    var next = ranges.makeIterator()
    return (mapping, errors.map { $0.map { .failure($0) } ?? .success(next.next() ?? 0..<0) })
  }

  private struct OpenFile {
    let path: String
    let descriptor: Int32
    let status: stat
  }

  private static func join(
    _ files: [OpenFile]
  ) throws(CheckpointError) -> (mapping: Mapping, ranges: [Range<Int>]) {
    guard let first = files.first else { throw .empty }
    let page = sysconf(Int32(_SC_PAGESIZE))
    var ranges: [Range<Int>] = []
    var end = 0
    for file in files {
      let size = Int(file.status.st_size)
      let (next, overflow) = end.addingReportingOverflow(size)
      guard !overflow, next < Int.max - page else {
        throw .cannotOpen(path: file.path, reason: "the parts are too large")
      }
      ranges.append(end..<next)
      end = (next + page - 1) / page * page
    }
    let space = unsafe mmap(nil, max(end, page), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let space = unsafe space, unsafe space != MAP_FAILED else {
      throw .cannotOpen(path: first.path, reason: lastSystemError())
    }
    for (file, range) in zip(files, ranges) {
      let address = unsafe mmap(
        space + range.lowerBound, range.count, PROT_READ, MAP_PRIVATE | MAP_FIXED,
        file.descriptor, 0)
      guard unsafe address != MAP_FAILED else {
        let reason = lastSystemError()
        unsafe munmap(space, max(end, page))
        throw .cannotOpen(path: file.path, reason: reason)
      }
    }
    let mapped = zip(files, ranges).map { file, range in
      unsafe MappedFile(path: file.path, file.status, range: range, of: space)
    }
    return (unsafe Mapping(space: space, count: end, mapped), ranges)
  }

  private init(space: UnsafeMutableRawPointer, count: Int, _ files: [MappedFile]) {
    unsafe start = unsafe UnsafePointer(space.assumingMemoryBound(to: UInt8.self))
    self.count = count
    self.files = files
    release = .unmap
  }

  /// Bytes that live as long as the process.
  package init(staticBytes: UnsafeRawBufferPointer) throws(CheckpointError) {
    guard let base = staticBytes.baseAddress, staticBytes.count > 0 else { throw .empty }
    unsafe start = unsafe base.assumingMemoryBound(to: UInt8.self)
    count = staticBytes.count
    files = []
    release = .nothing
  }

  /// A copy of an array.
  package init(copying array: [UInt8]) {
    let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(array.count, 1))
    _ = unsafe copy.update(fromContentsOf: array)
    unsafe start = unsafe UnsafePointer(copy.baseAddress!)
    count = array.count
    files = []
    release = .deallocate
  }

  /// New memory that is filled before anybody else sees it.
  init(count: Int, filling fill: (UnsafeMutableRawBufferPointer) -> Void) {
    let memory = unsafe WeightMemory.allocate(byteCount: max(count, 1))
    unsafe fill(UnsafeMutableRawBufferPointer(rebasing: memory[..<count]))
    unsafe start = UnsafePointer(memory.assumingMemoryBound(to: UInt8.self).baseAddress!)
    self.count = count
    files = []
    release = .recycle(memory.count)
  }

  deinit {
    for file in files { pare_unguard(file.guardian) }
    switch release {
    case .nothing: break
    case .unmap: unsafe munmap(UnsafeMutableRawPointer(mutating: start), count)
    case .recycle(let byteCount):
      unsafe WeightMemory.release(
        UnsafeMutableRawBufferPointer(
          start: UnsafeMutableRawPointer(mutating: start), count: byteCount))
    case .deallocate: unsafe UnsafeMutablePointer(mutating: start).deallocate()
    }
  }
}

extension Mapping {
  /// Below this, asking the system costs more than it brings.
  private static let worthAsking = 4 << 20

  /// Has the system read a part, and as much behind it, before it is needed.
  func expect(_ range: Range<Int>) {
    guard !files.isEmpty, range.count >= Self.worthAsking else { return }
    let end = min(count, range.upperBound + range.count)
    advise(range.lowerBound..<end, MADV_WILLNEED)
  }

  /// Gives a part's pages back; whoever reads it again finds it in the file, or in
  /// what the system remembers of it.
  func forget(_ range: Range<Int>) {
    guard !files.isEmpty, range.count >= Self.worthAsking else { return }
    advise(range, MADV_DONTNEED)
  }

  private func advise(_ range: Range<Int>, _ advice: Int32) {
    let page = sysconf(Int32(_SC_PAGESIZE))
    let first = (range.lowerBound + page - 1) / page * page
    guard first < range.upperBound else { return }
    let address = unsafe UnsafeMutableRawPointer(mutating: start + first)
    _ = unsafe madvise(address, range.upperBound - first, advice)
  }

  /// Identifies the files as they were when they were opened; nil if nothing is mapped from a
  /// file.
  var fileStates: String? {
    files.isEmpty ? nil : files.map(\.state).joined(separator: "\n")
  }

  /// Which files `range` is part of.
  func files(of range: Range<Int>) -> Range<Int> {
    let first = files.firstIndex { $0.range.overlaps(range) } ?? 0
    let end = files[first...].firstIndex { !$0.range.overlaps(range) } ?? files.count
    return first..<end
  }

  /// Throws `CheckpointError.changed` when a file that `range` is part of was
  /// written to, cut short or could not be read since it was opened.
  func check(_ range: Range<Int>) throws(CheckpointError) {
    for file in files where file.range.overlaps(range) && file.isChanged {
      throw .changed(path: file.path)
    }
  }
}

/// A mapped file as it was when it was opened.
private struct MappedFile: Sendable {
  let path: String
  let identity: FileIdentity
  /// In the mapping.
  let range: Range<Int>
  /// What keeps a lost page from ending the program.
  let guardian: Int32
  private let size: Int
  private let modified: timespec

  init(path: String, _ status: stat, range: Range<Int>, of space: UnsafeMutableRawPointer) {
    self.path = path
    identity = FileIdentity(status)
    self.range = range
    size = Int(status.st_size)
    modified = status.st_mtim
    guardian = unsafe pare_guard(space + range.lowerBound, range.count)
  }

  var state: String {
    "\(identity.device) \(identity.inode) \(size) \(modified.tv_sec).\(modified.tv_nsec)"
  }

  /// A file of another identity has taken the name, not the bytes.
  var isChanged: Bool {
    if pare_guard_is_tripped(guardian) { return true }
    var status = stat()
    guard unsafe stat(path, &status) == 0, FileIdentity(status) == identity else { return false }
    return Int(status.st_size) != size || status.st_mtim.tv_sec != modified.tv_sec
      || status.st_mtim.tv_nsec != modified.tv_nsec
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

  /// The file now at a path, following links; nil if there is no file.
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
