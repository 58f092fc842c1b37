public import CheckpointIO
public import Compression
public import Jobs
public import Models
public import Tensors
public import Transformers

/// The workbench's work without a workbench, for the command line: the same
/// functions, so the same bytes and the same figures.
///
/// All throw `Cancelled` when the job is stopped, and what reading a tensor
/// throws.
public enum Headless {
  /// The model a recipe makes of a checkpoint. Throws `PassError`.
  public static func apply(
    _ recipe: Recipe, to checkpoint: Checkpoint, in job: borrowing JobContext
  ) throws -> ModelState {
    try checkpoint.refuseUnreadCodes()
    return try Replay(base: InputMeter(checkpoint).model, steps: recipe.steps).run(in: job)
  }

  /// The recipe with texts named by their content, as it is to be kept. Throws what reading them
  /// throws.
  public static func marked(_ recipe: Recipe, for checkpoint: Checkpoint) throws -> Recipe {
    let texts = CheckpointTexts(checkpoint)
    return Recipe(steps: try recipe.steps.map { try $0.marked(by: texts) })
  }

  /// The pass whose mix of levels brings the checkpoint's file to a target; nil where it has come to it
  /// already. A loss is that on `text`. Throws `SavingError` where no mix does, `TextError`, and what
  /// passes and running the model throw.
  public static func mix(
    for target: MixTarget, by base: Quantize, of checkpoint: Checkpoint, as request: SaveRequest,
    lossOn text: EvaluationText, in job: borrowing JobContext
  ) throws -> Quantize? {
    try checkpoint.refuseUnreadCodes()
    let meter = try LossMeter(checkpoint: checkpoint, text: text, part: .whole)
    return try MixFinder(target: target, base: base, request: request, meter: meter)
      .pass(for: InputMeter(checkpoint).model, of: checkpoint, in: job)
  }

  /// Writes `model`, which comes of `checkpoint`, to a file; the bytes are
  /// those of `Workbench.save`. Returns what was written. Throws `CheckpointError`, also
  /// when the file exists and is not to be replaced.
  @discardableResult
  public static func save(
    _ model: ModelState, of checkpoint: Checkpoint, to path: String, form: SaveForm,
    overwrite: Bool, in job: borrowing JobContext
  ) throws -> SavePlan {
    let output = try SaveOutput(path, overwrite: overwrite)
    let plan = try Saving.plan(
      model, of: checkpoint, form: form, in: job.part(Saving.planning))
    _ = try Saving.write(plan, to: output, in: job.part(Saving.writing))
    return plan
  }

  /// Plans files of `model`, which comes of `checkpoint`, as the explorer does; of packed ones
  /// what is `known` is not read again.
  public static func plan(
    _ model: ModelState, of checkpoint: Checkpoint, as request: SaveRequest, to path: String,
    known: [String: PackedFacts] = [:], in job: borrowing JobContext
  ) throws -> PlannedSave {
    try Saving.plan(model, of: checkpoint, as: request, to: path, known: known, in: job)
  }

  /// How far the weights of `model` are from those of the checkpoint that it comes of, and how
  /// they will be packed, from one read of each. `recipe` says which layers passes worked on.
  public static func comparisonToPack(
    _ model: ModelState, of checkpoint: Checkpoint, after recipe: Recipe,
    in job: borrowing JobContext
  ) throws -> (comparison: Compression.Comparison, known: [String: PackedFacts]) {
    var known: [String: PackedFacts] = [:]
    let comparison = try Comparison(
      of: checkpoint.parameters, with: model.parameters, given: recipe.steps.map(\.layers),
      others: true, in: job
    ) { parameter, weights in
      known[parameter.name] = PackedFacts(of: parameter, weights, in: checkpoint)
    }
    return (comparison, known)
  }

  /// The figures of `model`, which comes of `checkpoint`, that need no
  /// network: bytes, bits per weight, sparsity, layer error. `given` is what passes worked on.
  public static func sizes(
    of model: ModelState, from checkpoint: Checkpoint, given: [LayerSelection] = [],
    in job: borrowing JobContext
  ) throws -> Metrics {
    var metrics = Metrics()
    metrics.take(try ModelSizes(of: model, against: checkpoint, given: given, in: job))
    return metrics
  }

  /// How far the weights are from the original's, with each tensor read once. `recipe` says
  /// which layers passes worked on.
  public static func comparison(
    of parameters: Parameters, from checkpoint: Checkpoint, after recipe: Recipe,
    in job: borrowing JobContext
  ) throws -> Compression.Comparison {
    try Comparison(
      of: checkpoint.parameters, with: parameters, given: recipe.steps.map(\.layers),
      others: true, in: job)
  }

  /// The original's loss on a text, by a protocol, in windows of `context` tokens where that
  /// is given. Throws `TextError`, and `NetworkError` when the model cannot be run.
  public static func evaluate(
    _ checkpoint: Checkpoint, on text: EvaluationText, part: TextPart = .whole,
    protocol rule: EvaluationProtocol = .text, context: Int? = nil, in job: borrowing JobContext
  ) throws -> (evaluation: Transformers.Evaluation, measuredOn: String) {
    let meter = try LossMeter(checkpoint: checkpoint, text: text, part: part, hasOthers: false)
    let measured = try meter.evaluate(protocol: rule, context: context, in: job)
    return (measured.evaluation, measured.measuredOn)
  }

  /// What goes into the blocks' linear layers on a text, by their names in a GGUF file, and how to
  /// call the text. Throws as `evaluate`.
  public static func importance(
    of checkpoint: Checkpoint, on text: EvaluationText, part: TextPart = .whole,
    protocol rule: EvaluationProtocol = .text, context: Int? = nil, in job: borrowing JobContext
  ) throws -> (matrix: ImportanceMatrix, measuredOn: String) {
    let meter = try LossMeter(checkpoint: checkpoint, text: text, part: part, hasOthers: false)
    let sums = try meter.inputSums(protocol: rule, context: context, in: job)
    let dataset =
      switch text {
      case .file(let path), .tokens(let path): path
      case .usual, .selfWritten: sums.title
      }
    let matrix = try ImportanceMatrix(
      sums.layers, of: checkpoint, window: sums.window, dataset: dataset)
    return (matrix, sums.title)
  }

  /// All figures of `model`, which comes of `checkpoint`: loss, divergence
  /// and agreement against it as well. Throws as `evaluate`.
  public static func measure(
    _ model: ModelState, from checkpoint: Checkpoint, on text: EvaluationText,
    part: TextPart = .whole, in job: borrowing JobContext
  ) throws -> Metrics {
    var metrics = try sizes(of: model, from: checkpoint, in: job.part(0...0.1))
    let meter = try LossMeter(checkpoint: checkpoint, text: text, part: part)
    metrics.take(try meter.measure(model, isOriginal: false, in: job.part(0.1...1)))
    return metrics
  }

  /// Compares two checkpoints of one architecture on a text, the second against
  /// the first. Throws as `evaluate`, and when they do not share a vocabulary.
  public static func compare(
    _ first: Checkpoint, _ second: Checkpoint, on text: EvaluationText,
    part: TextPart = .whole, in job: borrowing JobContext
  ) throws -> (first: Metrics, second: Metrics) {
    try second.refuseUnreadCodes()
    let meter = try LossMeter(checkpoint: first, text: text, part: part)
    var metrics = (first: Metrics(), second: Metrics())
    metrics.first.take(
      try meter.measure(first.model, isOriginal: true, in: job.part(0...0.5)))
    metrics.second.take(
      try meter.measure(second.model, isOriginal: false, in: job.part(0.5...1)))
    return metrics
  }

  /// Has `model`, which comes of `checkpoint`, continue a prompt; `each`
  /// gets the text so far. Returns the prompt as the model was given it, too. Throws
  /// `TextError`, `ChatTemplateError` and `NetworkError`.
  public static func write(
    with model: ModelState, of checkpoint: Checkpoint, prompt: Prompt,
    count: Int, sampling: Sampling, in job: borrowing JobContext,
    each: (_ text: String) -> Void = { _ in }
  ) throws -> (prompt: String, text: String, tokens: [Int], tokensPerSecond: Double) {
    let meter = try LossMeter(checkpoint: checkpoint, text: .selfWritten, part: .whole)
    let request = SampleRequest(
      prompt: prompt, count: count, sampling: sampling)
    let sample = try meter.write(request, with: model, in: job) { each($0.text) }
    return (sample.prompt, sample.text, sample.tokens, sample.tokensPerSecond)
  }
}
