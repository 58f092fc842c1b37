internal import CheckpointIO
internal import Compression
internal import Jobs
internal import Models
internal import Tensors
internal import Workspace

extension FileArgument {
  /// Opens it for the passes of a recipe, and tells on stderr which weights are not finite and
  /// which matrices the passes leave alone. `isRun` says that its network is run
  /// even if no pass does so.
  func open(toPass recipe: Recipe, isRun: Bool = false, threads: Int) throws -> Checkpoint {
    let checkpoint = try openUnread(toPass: recipe, isRun: isRun)
    try checkpoint.tellNonFinite(threads: threads)
    return checkpoint
  }

  /// The same without reading weights, so that nothing is told of those that are not finite.
  func openUnread(toPass recipe: Recipe, isRun: Bool = false) throws -> Checkpoint {
    let checkpoint = try open(toRun: isRun || recipe.steps.contains(where: \.pass.measuresInputs))
    if let others = checkpoint.leftAlone, recipe.steps.contains(where: { $0.layers == .all }) {
      StandardError.write("pare: left alone: \(sentence(others)); --layers names them\n")
    }
    for step in recipe.steps {
      let unseen = step.unseenLayers(of: checkpoint.model)
      guard let first = unseen.first else { continue }
      let others = unseen.count > 1 ? " and \(unseen.count - 1) more" : ""
      StandardError.write(
        "pare: what goes into \(first)\(others) is not seen: \(step.passName) takes a plain method "
          + "there\n")
    }
    return checkpoint
  }
}

/// A checkpoint taken through a recipe and saved: what `pare prune`,
/// `pare quantize`, `pare run` and, with no pass at all, `pare convert` do where the file is no
/// GGUF.
struct Transformation {
  var recipe: Recipe
  let input: FileArgument
  let target: SaveTarget
  let threads: Int
  /// Files that are read besides the checkpoint.
  var others: [String] = []

  /// Shares of the whole, for one bar of progress: passes take the longest.
  private enum Part {
    static let passes = 0.0...0.6
    static let planning = 0.6...0.75
    static let writing = 0.75...0.9
    static let measuring = 0.9...1.0
    static let layingOut = 0.75...0.77
    static let packing = 0.77...1.0
  }

  private typealias Outcome = (
    plan: PlannedSave, comparison: Compression.Comparison, model: ModelState
  )

  /// Does it and tells what came of it.
  func run(asJSON: Bool) throws {
    try target.check(against: input.file)
    let output = try target.output.claim(inputs: [input.file] + others)
    let isPacked = target.request.kind == .safetensors(.packed)
    if case .folder = target.request.kind {
      // Before weights are read, and passes run.
      try QuantizedFolderPlan.check(Checkpoint.open(input.file), for: target.output.path)
    }
    let checkpoint =
      isPacked
      ? try input.openUnread(toPass: recipe) : try input.open(toPass: recipe, threads: threads)
    var named = self
    named.recipe = try Headless.marked(recipe, for: checkpoint)
    let title = recipe.steps.first?.passName ?? "convert"
    let (plan, comparison, model) = try Work.run(title, threads: threads) { job in
      isPacked
        ? try named.pack(checkpoint, to: output, in: job)
        : try named.convert(checkpoint, to: output, in: job)
    }
    plan.plan.tellOmissions()
    if asJSON {
      json(plan, comparison, checkpoint).print()
    } else {
      StandardOutput.write(text(plan, comparison, checkpoint, model))
    }
  }

  private func convert(
    _ checkpoint: Checkpoint, to output: SaveOutput, in job: borrowing JobContext
  ) throws -> Outcome {
    let model = try Headless.apply(recipe, to: checkpoint, in: job.part(Part.passes))
    let plan = try target.plan(model, of: checkpoint, in: job.part(Part.planning))
    try plan.write(to: output, of: checkpoint, recipe: recipe.yaml, in: job.part(Part.writing))
    // Of the file as it is read back, so that the figures are the file's.
    let comparison = try Headless.comparison(
      of: Checkpoint.open(plan.path).parameters, from: checkpoint, after: recipe,
      in: job.part(Part.measuring))
    return (plan, comparison, model)
  }

  /// Reads the input once for the figures and the plan, and once to write. What is packed is
  /// checked as it is written to give every value back, so the figures are the file's.
  private func pack(
    _ checkpoint: Checkpoint, to output: SaveOutput, in job: borrowing JobContext
  ) throws -> Outcome {
    do {
      let model = try Headless.apply(recipe, to: checkpoint, in: job.part(Part.passes))
      let (comparison, known) = try Headless.comparisonToPack(
        model, of: checkpoint, after: recipe, in: job.part(Part.planning))
      checkpoint.tell(
        comparison.missing.isEmpty
          ? NonFiniteWeights(in: checkpoint, by: comparison)
          : try NonFiniteWeights(in: checkpoint, job: job))
      let plan = try target.plan(
        model, of: checkpoint, known: known, in: job.part(Part.layingOut))
      try plan.write(to: output, of: checkpoint, recipe: recipe.yaml, in: job.part(Part.packing))
      return (plan, comparison, model)
    } catch let error as PassError {
      checkpoint.tell(try NonFiniteWeights(in: checkpoint, job: job))
      throw error
    }
  }

  private func json(
    _ plan: PlannedSave, _ comparison: Compression.Comparison, _ checkpoint: Checkpoint
  ) -> JSON {
    let total = comparison.presentTotal
    let fields: [String: JSON] = [
      "bits_per_weight": .number(plan.bitsPerWeight(of: checkpoint)),
      "encodings": .object(plan.encodings.mapValues { .integer($0) }),
      "input_bytes": .integer(checkpoint.fileByteCount),
      "kept_weights": .integer(total.weights - total.zeros),
      "layer_error": .number(comparison.layerError),
      "non_finite": NonFiniteReport(comparison).json,
      "other_error": .number(comparison.othersTotal?.error),
      "passes": .array(recipe.steps.map { .string($0.title) }),
      "selected": comparison.givenTotal.map { selected in
        .object([
          "error": .number(selected.error), "layers": .integer(comparison.given?.count),
          "sparsity": .number(selected.sparsity), "weights": .integer(selected.weights),
        ])
      } ?? .null,
      "sparsity": .number(total.weights == 0 ? nil : total.sparsity),
      "weights": .integer(total.weights),
    ]
    return .object(fields.merging(plan.fields) { own, _ in own })
  }

  private func text(
    _ plan: PlannedSave, _ comparison: Compression.Comparison, _ checkpoint: Checkpoint,
    _ model: ModelState
  ) -> String {
    let total = comparison.presentTotal
    return """
      \(plan.path): \(Figure.bytes(plan.plan.byteCount))\(plan.shardsText), \
      \(Figure.change(from: checkpoint.fileByteCount, to: plan.plan.byteCount)) \(checkpoint.name)
      sparsity \(Figure.percent(total.weights == 0 ? nil : total.sparsity))   \
      \(Figure.short(plan.bitsPerWeight(of: checkpoint))) bits/weight   \
      layer error \(Figure.percent(comparison.layerError))\(othersText(comparison)) \
      against \(sentence(checkpoint.name))

      """
        + (model.smallerText(than: checkpoint)
          ?? selectedText(comparison) + missingText(comparison)) + NonFiniteReport(comparison).text
        + (recipe.steps.isEmpty || !plan.plan.losses.isEmpty ? SaveLoss.text(plan.plan.losses) : "")
  }

  /// The error of the tensors outside the layers; empty if there is no such error.
  private func othersText(_ comparison: Compression.Comparison) -> String {
    guard let error = comparison.othersTotal?.error, error != 0 else { return "" }
    return "   other tensors \(Figure.percent(error))"
  }

  /// Weights that the figures leave out, because the file has no tensor of their name and shape.
  private func missingText(_ comparison: Compression.Comparison) -> String {
    let names = comparison.missing
    guard let first = names.first else { return "" }
    let rest = names.count > 1 ? " and \(names.count - 1) more" : ""
    return "not compared, as the file does not hold them as they were: \(sentence(first))\(rest)\n"
  }

  /// The figures of the layers that passes were given, where these are not all.
  private func selectedText(_ comparison: Compression.Comparison) -> String {
    guard let layers = comparison.given, !layers.isEmpty, let total = comparison.givenTotal else {
      return ""
    }
    let noun = layers.count == 1 ? "1 selected layer" : "\(layers.count) selected layers"
    return """
      \(noun): sparsity \(Figure.percent(total.sparsity))   error \(Figure.percent(total.error))

      """
  }
}

extension ModelState {
  /// How many parameters passes took out of a checkpoint's model, in one line; nil where all
  /// shapes are as they were.
  func smallerText(than checkpoint: Checkpoint) -> String? {
    guard configuration != checkpoint.configuration else { return nil }
    let (before, after) = (checkpoint.parameters.weightCount, parameters.weightCount)
    let share = before == 0 ? 0 : 1 - Double(after) / Double(before)
    return "parameters \(Figure.count(before)) → \(Figure.count(after)), "
      + "\(Figure.percent(share)) fewer\n"
  }
}
