extension ShardedPlan: FilePlan {
  public var tensorCount: Int { whole.tensorCount }
  public var omissions: [String] { whole.omissions }
  public var losses: [SaveLoss] { whole.losses }

  /// Writes all files: each to a temporary one beside it, and when the bytes of all
  /// are on the disk they replace what was there as `ShardSwitch` says.
  @discardableResult
  public func write(
    to output: SaveOutput, recipe: String? = nil, syncing syncedAtOnce: Int,
    progress: (Double, String) -> Void, shouldStop: @Sendable () -> Bool
  ) throws -> Int {
    let paths = paths(for: output.path)
    let names = paths.dropLast().map(FilePath.lastComponent)
    let index = Self.index(for: output.path)
    for path in paths where SavePlace.isLink(path) {
      throw CheckpointError.cannotWrite(
        path: path, reason: "it is a link, and shards are written where they are")
    }
    try output.check(paths, of: whole.source)
    if !output.mayReplace, FileIdentity(path: index) != nil {
      throw CheckpointError.exists(path: index)
    }
    ShardSwitch.removeLeftovers(of: output.path, but: names)
    let total = Double(max(1, byteCount))
    var files: [TensorFile] = []
    var start = 0
    for (shard, path) in zip(shards, paths) {
      let place = try SaveOutput(shard: path, overwrite: output.mayReplace)
      let file = try shard.file(for: place, recipe: recipe)
      try shard.fill(file, syncing: syncedAtOnce, shouldStop: shouldStop) { written, name in
        progress(Double(start + written) / total, name)
      }
      try file.keep(shard.tensors.count)
      start += shard.byteCount
      files.append(file)
    }
    let arrays = shards.enumerated().flatMap { number, shard in
      shard.tensors.flatMap(\.parts).map { (name: $0.name, shard: number) }
    }
    let change = try ShardSwitch(
      to: names, arrays, totalSize: dataByteCount, index: index,
      overwrite: output.mayReplace)
    try output.check(change.removed, of: whole.source)
    for (shard, file) in zip(shards, files) {
      try file.check(holds: shard.arrays)
      try file.settle()
    }
    try whole.source?.bytes.check()
    try change.run { for file in files { file.release() } }
    output.discard()
    output.noteWritten()
    progress(1, "")
    return files.reduce(0) { $0 + $1.resumed }
  }

  /// Bytes of all arrays, without headers.
  private var dataByteCount: Int {
    shards.reduce(0) { $1.tensors.flatMap(\.parts).reduce($0) { $0 + $1.byteCount } }
  }
}
