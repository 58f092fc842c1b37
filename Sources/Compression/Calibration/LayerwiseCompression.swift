internal import Backend
internal import Jobs
internal import Models
internal import Tensors
internal import Transformers

/// Makes another layer of a layer, knowing what goes into it.
protocol CalibratedEdit: Sendable {
  /// What it has to know.
  var needs: InputProducts.Kind { get }

  /// The layer's weights after the edit. Throws `Cancelled`, and `PassError` for weights that cannot
  /// be worked on.
  func edit(
    _ weights: Weights, of parameter: Parameter, _ inputs: LayerInputs,
    shouldStop: @Sendable () -> Bool
  ) throws -> Weights

  /// The same of a layer whose inputs are not seen. Throws alike.
  func editUnseen(
    _ weights: Weights, of parameter: Parameter, threads: Int, shouldStop: @Sendable () -> Bool
  ) throws -> Weights
}

/// Walks through a model's blocks: sees what goes into layers with everything before them edited
/// already, and goes on with what they are now.
struct LayerwiseCompression {
  /// What is summed of inputs.
  let needs: InputProducts.Kind
  let calibration: Calibration

  /// The share of the work that comes after the text is there.
  private static let walking = 0.1...1.0

  /// Those of some parameters whose inputs are not seen; empty of a model that cannot be run.
  static func unseen(among chosen: [Parameter], of model: ModelState) -> [Parameter] {
    guard
      let network = try? Model(running: model.parameters, configuration: model.configuration)
    else { return [] }
    let seen = Set(
      network.linearLayers.filter { $0.block != nil }
        .compactMap { network.part($0)?.parameter.name })
    return chosen.filter { !seen.contains($0.name) }
  }

  /// The model with the selected layers edited; those whose inputs are not seen (experts, and what
  /// lies outside of blocks) without them. Throws `Cancelled`, `PassError` for inputs that are not
  /// finite, and what running the model throws.
  static func apply(
    _ edit: any CalibratedEdit, on calibration: Calibration, to model: ModelState,
    layers: LayerSelection, in job: borrowing JobContext
  ) throws -> ModelState {
    let chosen = layers.of(model.parameters).filter { $0.shape.count > 0 }
    let (threads, shouldStop) = (job.threads, job.shouldStop)
    var changed: [Parameter] = []
    let walk = LayerwiseCompression(needs: edit.needs, calibration: calibration)
    try walk.visit(chosen, of: model, in: job) { parameter, inputs in
      let weights = try parameter.present(threads: threads, shouldStop: shouldStop)
      try parameter.refuseWhatIsNotFinite(weights.values, threads, shouldStop)
      let after =
        try inputs.map {
          try edit.edit(weights, of: parameter, $0, shouldStop: shouldStop)
        } ?? edit.editUnseen(weights, of: parameter, threads: threads, shouldStop: shouldStop)
      if after.values.isIdentical(to: weights.values) { return nil }
      let edited = parameter.replacing(after)
      changed.append(edited)
      return edited
    }
    return model.with(model.parameters.replacing(changed))
  }

  /// Runs the model, stage by stage: `body` gets each of some layers with what goes into it, and answers
  /// what takes its place, or nil where it stays; last come those whose inputs are not seen, with nil.
  /// Throws as `apply`.
  func visit(
    _ chosen: [Parameter], of model: ModelState, in job: borrowing JobContext,
    _ body: (Parameter, LayerInputs?) throws -> Parameter?
  ) throws {
    guard !chosen.isEmpty else { return }
    let shouldStop = job.shouldStop
    do {
      let (tokens, length) = try calibration.tokens(
        for: model, threads: job.threads, shouldStop: shouldStop)
      try job.checkpoint()
      let crew = try Crew(threads: job.threads)
      func makeRun() throws -> LayerwiseRun {
        try LayerwiseRun(model, tokens, length: length, crew: crew, shouldStop: shouldStop)
      }
      let run = try makeRun()
      let before = needs == .drift ? try makeRun() : nil
      try walk(run, before, chosen, in: job.part(Self.walking), body)
    } catch NetworkError.stopped {
      throw Cancelled()
    } catch {
      try job.checkpoint()
      throw error
    }
  }

  private func walk(
    _ run: LayerwiseRun, _ before: LayerwiseRun?, _ chosen: [Parameter],
    in job: borrowing JobContext, _ body: (Parameter, LayerInputs?) throws -> Parameter?
  ) throws {
    var left = Set(chosen.map(\.name))
    for stage in 0..<run.stageCount where !left.isEmpty {
      try job.checkpoint()
      let parameters = run.parameters(of: stage).filter { left.contains($0.name) }
      if let first = parameters.first {
        job.progress(Double(stage) / Double(run.stageCount), first.place.path)
        let inputs = try inputs(of: first, run, before, stage, job.shouldStop)
        for parameter in parameters {
          try job.checkpoint()
          job.progress(Double(stage) / Double(run.stageCount), parameter.place.path)
          if let edited = try body(parameter, inputs) { run.replace(by: edited) }
          left.remove(parameter.name)
        }
      }
      try run.take(stage: stage)
      try before?.take(stage: stage)
    }
    for parameter in chosen where left.contains(parameter.name) {
      try job.checkpoint()
      _ = try body(parameter, nil)
    }
    job.progress(1)
  }

  private func inputs(
    of parameter: Parameter, _ run: LayerwiseRun, _ before: LayerwiseRun?, _ stage: Int,
    _ shouldStop: @Sendable () -> Bool
  ) throws -> LayerInputs {
    let products = InputProducts(columns: parameter.shape.columns, needs)
    try run.add(to: products, stage: stage, before: before, shouldStop: shouldStop)
    if shouldStop() { throw Cancelled() }
    if let input = products.notFinite {
      throw PassError("what goes into \(parameter.name) is not finite, at input \(input)")
    }
    return LayerInputs(products, calibration, crew: run.crew, hands: run.hands)
  }
}
