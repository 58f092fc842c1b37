internal import CheckpointIO
internal import Tensors

/// Where a command writes a model, and as what.
struct SaveTarget {
  let output: OutputOptions
  let format: FormatOptions.Format
  /// Of the tensors of one shard, where there are to be shards.
  let shardByteCount: Int?

  /// Throws `UsageError` for options that exclude each other, and for GGUF, which
  /// `pare convert --type` alone writes.
  init(_ output: OutputOptions, _ options: FormatOptions) throws {
    self.output = output
    format = try options.format(of: output.path)
    shardByteCount = options.shardSize?.count
    if format == .gguf {
      throw UsageError(
        "\(output.path) would be GGUF, which pare convert writes with --type, the blocks of its "
          + "matrices")
    }
    if shardByteCount != nil, !output.path.hasSuffix(ShardedPlan.suffix) {
      throw UsageError(
        "shards have their names from the output's, which must end in \(ShardedPlan.suffix)")
    }
  }

  /// As `OutputOptions.check`, of the index of shards too.
  func check(against input: String) throws {
    try output.check(against: input)
    if shardByteCount != nil { try output.check(others: [ShardedPlan.index(for: output.path)]) }
  }

  /// The form of a file of this format. Throws `UsageError` where it was asked for
  /// another.
  func form(_ options: FormOptions) throws -> SaveForm {
    if format == .pytorch {
      if options.layouts.first == .packed { throw Self.unpackable }
      return .dense(nil)
    }
    return options.form
  }

  /// What is said when a PyTorch file is to be packed.
  static let unpackable = UsageError(
    "a PyTorch file is dense; --packed goes with safetensors")

  /// Plans the files. Throws what planning throws.
  func plan(
    _ parameters: Parameters, of checkpoint: Checkpoint, metadata: [String: String] = [:],
    form: SaveForm, progress: (Double, String) -> Void, shouldStop: @Sendable () -> Bool
  ) throws -> PlannedSave {
    if format == .pytorch {
      var dtype: DType?
      if case .dense(let wanted) = form { dtype = wanted }
      let plan = try PyTorchPlan.make(
        parameters: parameters, of: checkpoint, metadata: metadata, dtype: dtype,
        progress: progress, shouldStop: shouldStop)
      return PlannedSave(.pytorch(plan), path: output.path)
    }
    let plan = try SavePlan.make(
      parameters: parameters, of: checkpoint, metadata: metadata, form: form,
      progress: progress, shouldStop: shouldStop)
    guard let shardByteCount else { return PlannedSave(.file(plan), path: output.path) }
    let shards = try ShardedPlan(plan, shardByteCount: shardByteCount)
    if shards.shards.count == 1 { return PlannedSave(.file(plan), path: output.path) }
    try output.check(shards: shards)
    return PlannedSave(.shards(shards), path: output.path)
  }
}

/// Files about to be written, of one format or another.
struct PlannedSave {
  enum Plan {
    case file(SavePlan)
    case shards(ShardedPlan)
    case pytorch(PyTorchPlan)
  }

  private let plan: Plan
  private let output: String

  init(_ plan: Plan, path: String) {
    self.plan = plan
    output = path
  }

  /// What opens what was written.
  var path: String {
    if case .shards = plan { return ShardedPlan.index(for: output) }
    return output
  }

  var format: FormatOptions.Format {
    if case .pytorch = plan { return .pytorch }
    return .safetensors
  }

  var byteCount: Int {
    switch plan {
    case .file(let plan): plan.byteCount
    case .shards(let plan): plan.byteCount
    case .pytorch(let plan): plan.byteCount
    }
  }

  var entries: [SavePlan.Entry] {
    switch plan {
    case .file(let plan): plan.entries
    case .shards(let plan): plan.whole.entries
    case .pytorch(let plan): plan.entries
    }
  }

  var omissions: [String] {
    switch plan {
    case .file(let plan): plan.omissions
    case .shards(let plan): plan.whole.omissions
    case .pytorch(let plan): plan.omissions
    }
  }

  var losses: [SaveLoss] {
    switch plan {
    case .file(let plan): plan.losses
    case .shards(let plan): plan.whole.losses
    case .pytorch(let plan): plan.losses
    }
  }

  /// Every file, the index of shards last.
  var files: [String] {
    if case .shards(let plan) = plan { return plan.paths(for: output) }
    return [output]
  }

  /// ` in 3 shards`; nothing where there is one file.
  var shardsText: String { files.count > 1 ? " in \(files.count - 1) shards" : "" }

  /// Fields that all who write files have in JSON.
  var fields: [String: JSON] {
    [
      "bytes": .integer(byteCount),
      "files": .array(files.map { .string($0) }),
      "format": .string(format.rawValue),
      "losses": .array(losses.map(\.json)),
      "omissions": .array(omissions.map { .string($0) }),
      "output": .string(path),
    ]
  }

  /// Writes them. Where `recipe` says how the weights came to be, one safetensors file is
  /// gone on with after a stop; returns how many of its tensors were there.
  @discardableResult
  func write(
    recipe: String? = nil, progress: (Double, String) -> Void, shouldStop: @Sendable () -> Bool
  ) throws -> Int {
    switch plan {
    case .file(let plan):
      return try plan.write(
        to: output, recipe: recipe, progress: progress, shouldStop: shouldStop)
    case .shards(let plan):
      try plan.write(to: output, progress: progress, shouldStop: shouldStop)
    case .pytorch(let plan):
      try plan.write(to: output, progress: progress, shouldStop: shouldStop)
    }
    return 0
  }
}

extension OutputOptions {
  /// Refuses shards that are there without `--force`, and a file of the output's own
  /// name, which would be read in their place.
  fileprivate func check(shards: ShardedPlan) throws {
    if FileStatus(path) != nil {
      throw CommandError(
        "\(path) is there and would be opened in place of the shards; move it away")
    }
    try check(others: shards.paths(for: path))
  }

  fileprivate func check(others paths: [String]) throws {
    for path in paths {
      guard let there = FileStatus(path) else { continue }
      if there.isFolder { throw CommandError("cannot write \(path): it is a folder") }
      if !force { throw CommandError("\(path) is there already; --force overwrites it") }
    }
  }
}

extension SaveLoss {
  var json: JSON {
    .object([
      "changes_values": .bool(changesValues), "count": .integer(count), "from": .string(from),
      "kind": .string(kind.rawValue), "text": .string(description), "to": .string(to),
    ])
  }

  /// What was lost, a line each; that nothing was, where there is none. What is left out
  /// as a whole is told by name elsewhere.
  static func text(_ losses: [SaveLoss]) -> String {
    if losses.isEmpty { return "nothing lost\n" }
    return losses.filter { $0.kind != .state && $0.kind != .unwritable }
      .map { "\($0.changesValues ? "lost" : "note"): \(sentence($0.description))\n" }
      .joined()
  }
}
