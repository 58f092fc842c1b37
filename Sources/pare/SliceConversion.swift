internal import CheckpointIO
internal import Compression
internal import Jobs
internal import Models
internal import Tensors
internal import Transformers
internal import Workspace

/// A checkpoint saved without the channels that change nothing: what
/// `pare convert --slice` does.
struct SliceConversion {
  let input: FileArgument
  let target: SaveTarget
  let threads: Int

  /// Shares of the whole, for one bar of progress.
  private enum Part {
    static let slicing = 0.0...0.4
    static let planning = 0.4...0.7
    static let writing = 0.7...1.0
  }

  /// Does it and tells what went.
  func run(asJSON: Bool) throws {
    try target.check(against: input.file)
    let output = try target.output.claim(inputs: [input.file])
    let checkpoint = try input.open(toRun: true)
    try checkpoint.tellNonFinite(threads: threads)
    let (sliced, plan) = try Work.run("slice", threads: threads) { job in
      let sliced = try Slice().sliced(checkpoint.model, in: job.part(Part.slicing))
      let plan = try target.plan(sliced.model, of: checkpoint, in: job.part(Part.planning))
      try plan.write(
        to: output, of: checkpoint, recipe: "slice", in: job.part(Part.writing))
      return (sliced, plan)
    }
    plan.plan.tellOmissions()
    if asJSON {
      json(sliced, plan, checkpoint).print()
    } else {
      StandardOutput.write(text(sliced, plan, checkpoint))
    }
  }

  private func json(
    _ sliced: SlicedNetwork, _ plan: PlannedSave, _ checkpoint: Checkpoint
  ) -> JSON {
    let fields: [String: JSON] = [
      "blocks": .array(
        sliced.blocks.map { block in
          .object([
            "hidden_channels": .integer(block.hidden),
            "key_channels": .array(block.heads.map { .integer($0.keys) }),
            "value_channels": .array(block.heads.map { .integer($0.values) }),
          ])
        }),
      "input_bytes": .integer(checkpoint.fileByteCount),
      "input_parameters": .integer(checkpoint.parameters.weightCount),
      "is_unchanged": .bool(sliced.isUnchanged),
      "parameters": .integer(sliced.model.parameters.weightCount),
      "removed": .object(
        Dictionary(
          uniqueKeysWithValues: kinds(sliced.changes).map { ($0.key, .integer($0.change.removed)) }
        )),
    ]
    return .object(fields.merging(plan.fields) { own, _ in own })
  }

  private func text(
    _ sliced: SlicedNetwork, _ plan: PlannedSave, _ checkpoint: Checkpoint
  ) -> String {
    guard let smaller = sliced.model.smallerText(than: checkpoint) else {
      return """
        \(plan.path): \(Figure.bytes(plan.plan.byteCount))\(plan.shardsText), the same network as \
        \(checkpoint.name): every channel has its part in the outputs, none can go

        """
    }
    let went = kinds(sliced.changes).map {
      "\(Figure.count($0.change.removed)) of \(Figure.count($0.change.before)) \($0.title)"
    }
    return """
      \(plan.path): \(Figure.bytes(plan.plan.byteCount))\(plan.shardsText) dense; \(checkpoint.name) is \
      \(Figure.bytes(checkpoint.fileByteCount))
      \(smaller)\
      removed \(went.joined(separator: ", "))

      """
  }

  private func kinds(
    _ changes: SlicedNetwork.Changes
  ) -> [(key: String, title: String, change: SlicedNetwork.Change)] {
    [
      ("heads", "heads", changes.heads),
      ("key_channels", "query and key channels", changes.keys),
      ("value_channels", "value channels", changes.values),
      ("hidden_channels", "hidden channels", changes.hidden),
    ]
  }
}
