internal import CheckpointIO
internal import Jobs
internal import Models
internal import Tensors
internal import Workspace

/// Where a command writes a model, and as what.
struct SaveTarget {
  /// Of a folder its weights.
  private(set) var output: OutputOptions
  /// The folder that is written, if it is one.
  private var folder: String?
  private(set) var request: SaveRequest

  /// Throws `UsageError` for options that exclude each other; `packs` says whether
  /// safetensors is packed where nothing is said.
  init(_ output: OutputOptions, _ options: SaveOptions, packs: Bool = true) throws {
    self.output = output
    do {
      request = try SaveRequest(named: output.path, options, packs: packs)
    } catch {
      throw UsageError("\(error)")
    }
    if case .folder = request.kind {
      folder = output.path
      self.output.path = "\(output.path)/\(QuantizedFolderPlan.weightsName)"
    }
  }

  /// The same from the options of the commands of passes.
  init(
    _ output: OutputOptions, _ form: FormOptions, _ blocks: BlockOptions, _ format: FormatOptions
  ) throws {
    try self.init(
      output,
      SaveOptions(
        format: format.format, isPacked: form.isPacked, blocks: blocks.type?.format,
        shardByteCount: format.shardSize?.byteCount, layout: format.layout))
  }

  /// Whether all matrices are to be in blocks of one format.
  var isInBlocks: Bool { if case .gguf(.blocks) = request.kind { true } else { false } }

  /// As `OutputOptions.check`, of the index of shards and a folder's configuration too.
  func check(against input: String) throws {
    try output.check(against: input)
    if request.shardByteCount != nil {
      try output.check(others: [ShardedPlan.index(for: output.path)])
    }
    if folder != nil {
      try output.check(others: [QuantizedFolderPlan.configuration(for: output.path)])
    }
  }

  /// Plans the files; of packed ones what is `known` is not read. Throws what planning throws.
  func plan(
    _ model: ModelState, of checkpoint: Checkpoint, importance: ImportanceMatrix? = nil,
    known: [String: PackedFacts] = [:], in job: borrowing JobContext
  ) throws -> PlannedSave {
    var request = request
    request.importance = importance
    let plan = try Headless.plan(
      model, of: checkpoint, as: request, to: output.path, known: known, in: job)
    if let shards = plan.plan as? ShardedPlan { try output.check(shards: shards) }
    if folder != nil { try output.check(others: plan.files) }
    return plan
  }

  /// Takes a checkpoint through a recipe to the files, and tells what came of it. `others`
  /// are files that are read besides the checkpoint.
  func write(
    _ recipe: Recipe, of input: FileArgument, importance: ImportanceOptions, threads: Int,
    others: [String] = [], asJSON: Bool
  ) throws {
    if request.format == .gguf {
      try GGUFConversion(
        recipe: recipe, input: input, target: self, importance: importance, threads: threads,
        others: others
      ).run(asJSON: asJSON)
    } else {
      let made = try folder.map { try OutputFolder($0) }
      defer { made?.removeIfEmpty() }
      try Transformation(
        recipe: recipe, input: input, target: self, threads: threads, others: others
      ).run(asJSON: asJSON)
    }
  }
}

extension PlannedSave {
  /// ` in 3 shards`; nothing where there is one file.
  var shardsText: String { plan is ShardedPlan ? " in \(files.count - 1) shards" : "" }

  /// Fields that all who write files have in JSON.
  var fields: [String: JSON] { plan.fields(files: files, format) }

  /// Bits of the file's tensors divided by the weights of the original.
  func bitsPerWeight(of checkpoint: Checkpoint) -> Double? {
    let weights = checkpoint.parameters.weightCount
    return weights == 0 ? nil : Double(tensorByteCount * 8) / Double(weights)
  }

  /// Writes the files as `FilePlan.write` does; says first that they are larger than what
  /// they are made of.
  func write(
    to claim: SaveOutput, of checkpoint: Checkpoint, recipe: String,
    in job: borrowing JobContext
  ) throws {
    if isLarger(than: checkpoint) {
      StandardError.write(
        """
        pare: \(sentence(output)) will be larger than \(sentence(checkpoint.name)): \
        \(Figure.bytes(plan.byteCount)) instead of \(Figure.bytes(checkpoint.fileByteCount))

        """)
    }
    try plan.write(to: claim, recipe: recipe, in: job)
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

  /// Writes the files. Reports a save that was resumed, and what is kept of one that was
  /// stopped.
  func write(to output: SaveOutput, recipe: String, in job: borrowing JobContext) throws {
    let report = job.reporter
    do {
      let resumed = try write(
        to: output, recipe: recipe, progress: { report($0, $1) }, shouldStop: job.shouldStop)
      if resumed > 0 {
        StandardError.write(
          "pare: \(resumed) of \(tensorCount) \(tensorCount == 1 ? "tensor was" : "tensors were") "
            + "there from a run that stopped\n")
      }
    } catch CheckpointError.stopped {
      let files = unfinishedFiles(for: output.path)
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
      if let there = FileStatus(path) { try check(path, there) }
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

  /// A line for each loss, or that nothing was lost. Tensors that are left out as a whole are
  /// named elsewhere.
  static func text(_ losses: [SaveLoss]) -> String {
    if losses.isEmpty { return "nothing lost\n" }
    return losses.filter { ![.state, .unwritable, .place].contains($0.kind) }
      .map { "\($0.changesValues ? "lost" : "note"): \(sentence($0.description))\n" }
      .joined()
  }
}
