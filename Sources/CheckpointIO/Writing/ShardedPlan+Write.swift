internal import Glibc

extension ShardedPlan {
  /// Writes all files: each to a temporary one beside it, and when the bytes of all
  /// are on the disk every shard takes its place, and the index last. An index that
  /// is there already is taken away before the first shard is replaced, so that none
  /// ever speaks of shards of two checkpoints.
  ///
  /// Throws as `SavePlan.write`; until all is on the disk nothing is changed.
  public func write(
    to path: String, progress: (Double, String) -> Void = { _, _ in },
    shouldStop: @Sendable () -> Bool = { false }
  ) throws {
    let paths = paths(for: path)
    for path in paths {
      if let identity = FileIdentity(path: path),
        whole.source?.identities.contains(identity) == true
      {
        throw CheckpointError.sameFile(path: path)
      }
    }
    let total = Double(max(1, byteCount))
    var written = 0
    var files: [UncommittedFile] = []
    for (shard, path) in zip(shards, paths) {
      let file = UncommittedFile(try ReplacementFile(for: path), byteCount: shard.byteCount)
      let start = written
      try file.write(shard, path: path, shouldStop: shouldStop) { done, name in
        progress(Double(start + done) / total, name)
      }
      written += shard.byteCount
      files.append(file)
    }
    let text = index(for: path)
    let index = UncommittedFile(
      try ReplacementFile(for: paths[shards.count]), byteCount: text.count)
    try index.write(Bytes(text), at: 0)
    if shouldStop() { throw CheckpointError.stopped }
    try whole.source?.bytes.check()
    for file in files { try file.synchronize() }
    guard unsafe unlink(paths[shards.count]) == 0 || errno == ENOENT else {
      throw CheckpointError.cannotWrite(path: paths[shards.count], reason: lastSystemError())
    }
    for file in files + [index] { try file.commit() }
    progress(1, "")
  }
}

/// A file that waits for others before it takes its place; gone with the process or
/// this object if it never does.
private final class UncommittedFile {
  private var file: ReplacementFile?
  private let byteCount: Int

  init(_ file: consuming ReplacementFile, byteCount: Int) {
    self.file = consume file
    self.byteCount = byteCount
  }

  func write(_ bytes: Bytes, at offset: Int) throws(CheckpointError) {
    try file?.write(bytes, at: offset)
  }

  /// All of a shard; `progress` gets the bytes that are written.
  func write(
    _ plan: SavePlan, path: String, shouldStop: @Sendable () -> Bool,
    progress: (Int, String) -> Void
  ) throws {
    try write(Bytes(plan.header), at: 0)
    var written = plan.header.count
    for tensor in plan.tensors {
      if shouldStop() { throw CheckpointError.stopped }
      progress(written, tensor.name)
      for (array, offset) in try tensor.checkedArrays(from: plan.source, path, shouldStop) {
        try write(array, at: plan.header.count + offset)
        written += array.count
      }
    }
  }

  func synchronize() throws(CheckpointError) { try file?.synchronize() }

  func commit() throws(CheckpointError) {
    guard let file = file.take() else { return }
    try file.commit(byteCount: byteCount)
  }
}

extension PlannedTensor {
  /// Its arrays with their offsets. Throws `CheckpointError.cannotWrite` where they
  /// are not as long as was planned.
  func checkedArrays(
    from source: Checkpoint?, _ path: String, _ shouldStop: @Sendable () -> Bool
  ) throws -> [(bytes: Bytes, offset: Int)] {
    let arrays = try encoded(from: source?.bytes, shouldStop)
    guard arrays.map(\.count) == parts.map(\.byteCount) else {
      throw CheckpointError.cannotWrite(
        path: path, reason: "tensor \(name.quoted) changed after it was planned")
    }
    return zip(arrays, parts).map { ($0, $1.offset) }
  }
}
