internal import Glibc

extension ShardedPlan: FilePlan {
  public var tensorCount: Int { whole.tensorCount }
  public var omissions: [String] { whole.omissions }
  public var losses: [SaveLoss] { whole.losses }

  /// Writes all files: each to a temporary one beside it, and when the bytes of all
  /// are on the disk every shard takes its place, and the index last. An index that
  /// is there already is taken away before the first shard is replaced, so that none
  /// ever speaks of shards of two checkpoints.
  @discardableResult
  public func write(
    to path: String, recipe: String? = nil, syncing syncedAtOnce: Int,
    progress: (Double, String) -> Void, shouldStop: @Sendable () -> Bool
  ) throws -> Int {
    let paths = paths(for: path)
    let total = Double(max(1, byteCount))
    var files: [TensorFile] = []
    var start = 0
    for (shard, path) in zip(shards, paths) {
      let file = try shard.file(for: path, recipe: recipe)
      try shard.fill(file, syncing: syncedAtOnce, shouldStop: shouldStop) { written, name in
        progress(Double(start + written) / total, name)
      }
      try file.keep(shard.tensors.count)
      start += shard.byteCount
      files.append(file)
    }
    let text = index(for: path)
    let index = try TensorFile(
      for: paths[shards.count], byteCount: text.count, of: whole.source)
    try index.write(Bytes(text), at: 0)
    for (shard, file) in zip(shards, files) {
      try file.check(holds: shard.arrays)
      try file.synchronize()
    }
    try whole.source?.bytes.check()
    guard unsafe unlink(paths[shards.count]) == 0 || errno == ENOENT else {
      throw CheckpointError.cannotWrite(path: paths[shards.count], reason: lastSystemError())
    }
    for file in files + [index] { try file.commit() }
    progress(1, "")
    return files.reduce(0) { $0 + $1.resumed }
  }
}
