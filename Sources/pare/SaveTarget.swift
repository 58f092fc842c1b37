internal import CheckpointIO
internal import Jobs
internal import Tensors

/// Where a command writes a model, and as what.
struct SaveTarget {
  let output: OutputOptions
  let format: FileFormat
  /// Of the tensors of one shard, where there are to be shards.
  let shardByteCount: Int?

  /// Throws `UsageError` for options that exclude each other, and for GGUF, which
  /// `pare convert` alone writes.
  init(_ output: OutputOptions, _ options: FormatOptions) throws {
    self.output = output
    format = try options.format(of: output.path)
    shardByteCount = options.shardSize?.count
    if format == .gguf {
      throw UsageError(
        "\(output.path) would be GGUF, which pare convert writes; --format says otherwise")
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
    form: SaveForm, in job: borrowing JobContext
  ) throws -> PlannedSave {
    let report = job.reporter
    let progress = { (fraction: Double, name: String) in report(fraction, name) }
    if format == .pytorch {
      var dtype: DType?
      if case .dense(let wanted) = form { dtype = wanted }
      let plan = try PyTorchPlan.make(
        parameters: parameters, of: checkpoint, metadata: metadata, dtype: dtype,
        progress: progress, shouldStop: job.shouldStop)
      return PlannedSave(plan, plan.entries, .pytorch, path: output.path)
    }
    let plan = try SavePlan.make(
      parameters: parameters, of: checkpoint, metadata: metadata, form: form,
      progress: progress, shouldStop: job.shouldStop)
    let file = PlannedSave(plan, plan.entries, .safetensors, path: output.path)
    guard let shardByteCount else { return file }
    let shards = try ShardedPlan(plan, shardByteCount: shardByteCount)
    if shards.shards.count == 1 { return file }
    try output.check(shards: shards)
    return PlannedSave(shards, plan.entries, .safetensors, path: output.path)
  }
}

/// Files about to be written, of one format or another.
struct PlannedSave {
  let plan: any FilePlan
  let entries: [SavePlan.Entry]
  let format: FileFormat
  /// Every file; the one that opens the checkpoint is the last.
  let files: [String]
  private let output: String

  init(
    _ plan: any FilePlan, _ entries: [SavePlan.Entry], _ format: FileFormat, path: String
  ) {
    self.plan = plan
    self.entries = entries
    self.format = format
    files = plan.paths(for: path)
    output = path
  }

  /// What opens what was written.
  var path: String { files.last ?? output }

  /// ` in 3 shards`; nothing where there is one file.
  var shardsText: String { files.count > 1 ? " in \(files.count - 1) shards" : "" }

  /// Fields that all who write files have in JSON.
  var fields: [String: JSON] { plan.fields(files: files, format) }

  /// Writes the files as `FilePlan.write` does.
  func write(recipe: String, in job: borrowing JobContext) throws {
    try plan.write(to: output, recipe: recipe, in: job)
  }
}

extension FilePlan {
  /// Fields of JSON that tell of any files written.
  func fields(files: [String], _ format: FileFormat) -> [String: JSON] {
    [
      "bytes": .integer(byteCount),
      "files": .array(files.map { .string($0) }),
      "format": .string(format.rawValue),
      "losses": .array(losses.map(\.json)),
      "omissions": .array(omissions.map { .string($0) }),
      "output": .string(files.last),
    ]
  }

  /// Writes the files and tells of a save that went on, and of what is kept of one that
  /// was stopped.
  func write(to path: String, recipe: String, in job: borrowing JobContext) throws {
    let report = job.reporter
    do {
      let resumed = try write(
        to: path, recipe: recipe, progress: { report($0, $1) }, shouldStop: job.shouldStop)
      if resumed > 0 {
        StandardError.write(
          "pare: \(resumed) of \(tensorCount) tensors were there from a run that stopped\n")
      }
    } catch CheckpointError.stopped {
      let files = unfinishedFiles(for: path)
      if let file = files.first {
        let others = files.count > 1 ? " and \(files.count - 1) more" : ""
        StandardError.write(
          "pare: what is written is kept in \(file)\(others); the same command goes on from "
            + "there\n")
      }
      throw CheckpointError.stopped
    }
  }

  /// Says what the files do not have.
  func tellOmissions() {
    for omission in omissions { StandardError.write("pare: left out: \(sentence(omission))\n") }
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
    return losses.filter { ![.state, .unwritable, .place].contains($0.kind) }
      .map { "\($0.changesValues ? "lost" : "note"): \(sentence($0.description))\n" }
      .joined()
  }
}
