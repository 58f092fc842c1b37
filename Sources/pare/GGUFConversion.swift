internal import CheckpointIO
internal import Compression
internal import Jobs
internal import Models
internal import Tensors
internal import Workspace

/// A checkpoint taken through a recipe and saved as GGUF; with no pass at all, what
/// `pare convert -o NAME.gguf` does.
struct GGUFConversion {
  let recipe: Recipe
  let input: FileArgument
  let target: SaveTarget
  let importance: ImportanceOptions
  let threads: Int
  /// Files that are read besides the checkpoint and the text.
  var others: [String] = []

  /// Shares of the whole, for one bar of progress.
  private enum Part {
    static let passes = 0.0...0.4
    static let planning = 0.4...0.5
    static let writing = 0.0...0.8
    static let measuring = 0.8...1.0
  }

  /// Does it and tells what came of it; first which tensors take another type.
  func run(asJSON: Bool) throws {
    try target.check(against: input.file)
    let claim = try target.output.claim(
      inputs: [input.file] + [importance.path, importance.file].compactMap(\.self) + others)
    let read = try importance.read()
    let checkpoint = try input.open(
      toPass: recipe, isRun: importance.path != nil, threads: threads)
    // A text may be there for a pass alone.
    let measured =
      try read
      ?? (target.isInBlocks ? importance.measured(of: checkpoint, threads: threads) : nil)
    let named = try Headless.marked(recipe, for: checkpoint)
    let title = recipe.steps.first?.passName ?? "convert"
    let (planned, model) = try Work.run(title, threads: threads) { job in
      let model = try Headless.apply(named, to: checkpoint, in: job.part(Part.passes))
      let planned = try target.plan(
        model, of: checkpoint, importance: measured?.matrix,
        in: job.part(Part.planning))
      return (planned, model)
    }
    guard let plan = planned.plan as? GGUFPlan else { return }
    plan.tellOmissions()
    for note in plan.notes { StandardError.write("pare: \(sentence(note))\n") }
    for group in fallbacks(of: plan) { StandardError.write("pare: \(sentence(group))\n") }
    let comparison = try Work.run(title, threads: threads) { job in
      try planned.write(
        to: claim, of: checkpoint, recipe: named.yaml,
        in: job.part(Part.writing))
      // Of the file as it is read back.
      return try TensorComparison(
        of: checkpoint, with: Checkpoint.open(planned.path), given: recipe.steps.map(\.layers),
        in: job.part(Part.measuring))
    }
    if asJSON {
      json(planned, plan, comparison, checkpoint, measured?.measuredOn).print()
    } else {
      StandardOutput.write(
        text(plan, comparison, checkpoint, model) + weighting(plan, measured?.measuredOn)
          + comparison.nonFinite.text + lossText(plan.losses))
    }
  }

  /// What the file does not hold; that nothing was lost is not said of a pass.
  private func lossText(_ losses: [SaveLoss]) -> String {
    losses.isEmpty && !recipe.steps.isEmpty ? "" : SaveLoss.text(losses)
  }

  /// Tensors with the same reason for another type, in one sentence.
  private func fallbacks(of plan: GGUFPlan) -> [String] {
    let others = plan.entries.filter { $0.fallback != nil }
    let groups = Dictionary(grouping: others) { "\($0.type): \($0.fallback ?? "")" }
    return groups.sorted { $0.key < $1.key }.map { key, entries in
      let shown = 3
      let names = entries.prefix(shown).map(\.name).joined(separator: ", ")
      let rest = entries.count > shown ? " and \(entries.count - shown) more" : ""
      return "\(names)\(rest) stored as \(key)"
    }
  }

  private func types(of plan: GGUFPlan) -> [String: Int] {
    Dictionary(grouping: plan.entries, by: \.type).mapValues(\.count)
  }

  private func bitsPerWeight(_ plan: GGUFPlan) -> Double? {
    let weights = plan.entries.reduce(0) { $0 + $1.shape.count }
    let bytes = plan.entries.reduce(0) { $0 + $1.byteCount }
    return weights == 0 ? nil : Double(bytes * 8) / Double(weights)
  }

  private func json(
    _ planned: PlannedSave, _ plan: GGUFPlan, _ comparison: TensorComparison,
    _ checkpoint: Checkpoint, _ text: String?
  ) -> JSON {
    var fields: [String: JSON] = [
      "bits_per_weight": .number(bitsPerWeight(plan)),
      "fallbacks": .array(
        plan.entries.filter { $0.fallback != nil }.map { entry in
          .object([
            "name": .string(entry.name), "reason": .string(entry.fallback),
            "type": .string(entry.type),
          ])
        }),
      "input_bytes": .integer(checkpoint.fileByteCount),
      "layer_error": .number(comparison.layerError),
      "non_finite": comparison.nonFinite.json,
      "notes": .array(plan.notes.map { .string($0) }),
      "other_error": .number(comparison.otherError),
      "types": .object(types(of: plan).mapValues { .integer($0) }),
      "weighted": .array(plan.entries.filter(\.isWeighted).map { .string($0.name) }),
      "weighted_on": .string(text),
    ]
    if !recipe.steps.isEmpty {
      let layers = comparison.layers
      fields["passes"] = .array(recipe.steps.map { .string($0.title) })
      fields["kept_weights"] = .integer(layers.map { $0.weights - $0.zeros } ?? 0)
      fields["selected"] = comparison.selected?.json ?? .null
      fields["sparsity"] = .number(layers?.sparsity)
      fields["weights"] = .integer(layers?.weights ?? 0)
    }
    return .object(fields.merging(planned.fields) { own, _ in own })
  }

  private func text(
    _ plan: GGUFPlan, _ comparison: TensorComparison, _ checkpoint: Checkpoint,
    _ model: ModelState
  ) -> String {
    let sparsity =
      recipe.steps.isEmpty ? "" : "sparsity \(Figure.percent(comparison.layers?.sparsity))   "
    let types = types(of: plan).sorted { $0.key < $1.key }.map { "\($1) \($0)" }
    let others = comparison.otherError.flatMap {
      $0 == 0 ? nil : "   other tensors \(Figure.percent($0))"
    }
    let missing = comparison.uncomparedLayers
    let smaller = model.smallerText(than: checkpoint)
    return """
      \(target.output.path): \(Figure.bytes(plan.byteCount)), \
      \(Figure.change(from: checkpoint.fileByteCount, to: plan.byteCount)) \(checkpoint.name)
      \(types.joined(separator: ", "))   \(sparsity)\
      \(Figure.short(bitsPerWeight(plan))) bits/weight   \
      layer error \(Figure.percent(smaller == nil ? comparison.layerError : nil))\(others ?? "") \
      against \(sentence(checkpoint.name))

      """
        + (smaller
          ?? (comparison.selected?.text ?? "")
            + (missing == 0
              ? ""
              : "\(missing == 1 ? "1 linear layer is" : "\(missing) linear layers are") not in the "
                + "file as they were\n"))
  }

  /// Which matrices in blocks were weighed by the importance of their columns.
  private func weighting(_ plan: GGUFPlan, _ text: String?) -> String {
    guard let text else { return "" }
    let weighted = plan.entries.count { $0.isWeighted }
    let others = plan.entries.filter { !$0.isWeighted && BlockFormat(rawValue: $0.type) != nil }
    let rest =
      others.isEmpty
      ? "" : "; without: \(others.map { sentence($0.name) }.joined(separator: ", "))"
    return """
      \(weighted) \(weighted == 1 ? "matrix" : "matrices") weighted by their inputs \
      \(importance.file == nil ? "on" : "in") \(sentence(text))\(rest)

      """
  }
}
