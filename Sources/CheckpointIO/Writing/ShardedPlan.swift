/// Everything about a checkpoint that is going to be written as several safetensors
/// files and their index, as Hugging Face's `save_pretrained` splits it:
///
///     model-00001-of-00003.safetensors
///     model-00002-of-00003.safetensors
///     model-00003-of-00003.safetensors
///     model.safetensors.index.json       which tensor is in which (`ShardIndex`)
///
/// Each shard is a whole safetensors file; the first one has the metadata, and each says
/// how its own tensors are packed. The parts of a packed tensor are in one shard.
public struct ShardedPlan: Sendable {
  /// Files in their order; each has its size.
  public let shards: [SavePlan]
  /// Of the whole checkpoint.
  public let whole: SavePlan

  /// The ending that the output of a sharded save has.
  public static let suffix = ".safetensors"

  /// All files but the index.
  public var byteCount: Int { shards.reduce(0) { $0 + $1.byteCount } }

  /// The paths of the shards of `path`, which ends in `suffix`; the index last.
  public func paths(for path: String) -> [String] {
    shards.indices.map { Self.shard($0, of: shards.count, path) } + [Self.index(for: path)]
  }

  /// The path of the index of `path`.
  public static func index(for path: String) -> String { path + ".index.json" }

  private static func shard(_ number: Int, of count: Int, _ path: String) -> String {
    let digits = { (value: Int) -> String in
      let text = String(value)
      return String(repeating: "0", count: max(0, 5 - text.count)) + text
    }
    return "\(path.dropLast(suffix.utf8.count))-\(digits(number + 1))-of-\(digits(count))\(suffix)"
  }

  /// Splits a plan: tensors stay in their order, and a shard is full when the next
  /// tensor would make its tensors take more than `limit` bytes. One that takes more
  /// by itself has a shard of its own.
  ///
  /// Throws `CheckpointError.limitExceeded` for more shards than a reader takes.
  public init(_ plan: SavePlan, shardByteCount limit: Int) throws(CheckpointError) {
    var groups: [[PlannedTensor]] = []
    var byteCount = 0
    for tensor in plan.tensors {
      let (sum, overflow) = byteCount.addingReportingOverflow(tensor.entry.byteCount)
      if groups.isEmpty || overflow || sum > limit {
        groups.append([tensor])
        byteCount = tensor.entry.byteCount
      } else {
        groups[groups.count - 1].append(tensor)
        byteCount = sum
      }
    }
    guard groups.count <= ShardIndex.fileLimit else {
      throw .invalidConversion(
        reason: "shards of \(limit) bytes would be \(groups.count) files, more than "
          + "\(ShardIndex.fileLimit)")
    }
    // Names must differ across shards too.
    try SafetensorsHeader.checkNames(plan.tensors)
    var shards: [SavePlan] = []
    for group in groups.isEmpty ? [[]] : groups {
      let metadata =
        shards.isEmpty ? plan.metadata : plan.metadata.filter { $0.key == SavedMetadata.layoutKey }
      shards.append(
        try SavePlan(
          group, metadata: metadata, omissions: [], losses: [], source: plan.source))
    }
    self.shards = shards
    whole = plan
  }
}
