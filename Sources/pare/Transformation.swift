internal import CheckpointIO
internal import Compression
internal import Jobs
internal import Tensors
internal import Workspace

/// A checkpoint taken through a recipe and saved: what `pare prune`,
/// `pare quantize`, `pare run` and, with no pass at all, `pare convert` do.
struct Transformation {
  let recipe: Recipe
  let input: FileArgument
  let target: SaveTarget
  let form: SaveForm
  let threads: Int

  /// Shares of the whole, for one bar of progress: passes take the longest.
  private enum Part {
    static let passes = 0.0...0.6
    static let planning = 0.6...0.75
    static let writing = 0.75...0.9
    static let measuring = 0.9...1.0
  }

  /// Does it and tells what came of it.
  func run(asJSON: Bool) throws {
    try target.check(against: input.file)
    let checkpoint = try input.open()
    let title = recipe.steps.first?.passName ?? "convert"
    let (plan, sizes) = try Work.run(title, threads: threads) { job in
      let parameters = try Headless.apply(recipe, to: checkpoint, in: job.part(Part.passes))
      let plan = try target.plan(
        parameters, of: checkpoint, form: form, in: job.part(Part.planning))
      try plan.write(recipe: recipe.yaml, in: job.part(Part.writing))
      // Of the file as it is read back, so that the figures are the file's.
      let sizes = try Headless.differences(
        of: Checkpoint.open(plan.path).parameters, from: checkpoint,
        in: job.part(Part.measuring))
      return (plan, sizes)
    }
    plan.plan.tellOmissions()
    if asJSON {
      json(plan, sizes, checkpoint).print()
    } else {
      StandardOutput.write(text(plan, sizes, checkpoint))
    }
  }

  private func json(_ plan: PlannedSave, _ sizes: Metrics, _ checkpoint: Checkpoint) -> JSON {
    let fields: [String: JSON] = [
      "bits_per_weight": .number(bitsPerWeight(plan, checkpoint)),
      "encodings": .object(
        Dictionary(grouping: plan.entries, by: \.encoding).mapValues { .integer($0.count) }),
      "input_bytes": .integer(checkpoint.fileByteCount),
      "kept_weights": .integer(sizes.keptWeights),
      "layer_error": .number(sizes.layerError),
      "passes": .array(recipe.steps.map { .string($0.title) }),
      "sparsity": .number(sizes.sparsity),
      "weights": .integer(sizes.weights),
    ]
    return .object(fields.merging(plan.fields) { own, _ in own })
  }

  private func text(_ plan: PlannedSave, _ sizes: Metrics, _ checkpoint: Checkpoint) -> String {
    """
    \(plan.path): \(Figure.bytes(plan.plan.byteCount))\(plan.shardsText), \
    \(Figure.change(from: checkpoint.fileByteCount, to: plan.plan.byteCount)) \(checkpoint.name)
    sparsity \(Figure.percent(sizes.sparsity))   \
    \(Figure.short(bitsPerWeight(plan, checkpoint))) bits/weight   \
    layer error \(Figure.percent(sizes.layerError))

    """ + (recipe.steps.isEmpty || !plan.plan.losses.isEmpty ? SaveLoss.text(plan.plan.losses) : "")
  }

  /// Bits of the file's tensors divided by the weights of the original.
  private func bitsPerWeight(_ plan: PlannedSave, _ checkpoint: Checkpoint) -> Double? {
    let weights = checkpoint.parameters.weightCount
    let bytes = plan.entries.reduce(0) { $0 + $1.byteCount }
    return weights == 0 ? nil : Double(bytes * 8) / Double(weights)
  }
}
