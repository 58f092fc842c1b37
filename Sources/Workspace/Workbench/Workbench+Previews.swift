internal import CheckpointIO
public import Compression
internal import Jobs
internal import Models
internal import Tensors

/// The preview that was asked for last.
struct PreviewState {
  var ticket = 0
  var job: JobID?
  /// Counts of the revision that was asked for last.
  var counting: ModelCounting?

  /// To be called when a revision gets other weights, as that of a training run does.
  mutating func forgetCounts(of revision: RevisionID) {
    if counting?.revision == revision { counting = nil }
  }
}

extension Workbench {
  /// Has the outcome of a step computed without making a revision of it: the layer on screen,
  /// and the whole model. Takes the place of the preview asked for before, whose results are
  /// dropped. Of a prune whose layers are counted the totals are told with the next `receive`.
  ///
  /// Returns the ticket the results carry.
  @discardableResult
  public func preview(_ step: Step, on id: RevisionID, layer: String? = nil) -> Int {
    cancelPreview()
    previews.ticket += 1
    let ticket = previews.ticket
    guard tree[id] != nil else { return ticket }
    var request = PreviewRequest(
      ticket: ticket, step: step, revision: id, layer: layer, checkpoint: checkpoint,
      given: tree.givenLayers(to: id) + [step.layers])
    if let pass = request.work.pass as? Prune, pass.followsCounts {
      request.counting = counting(of: id, given: request.given)
      request.totals = request.counting?.counted.flatMap { request.totals(of: $0) }
      if request.totals != nil { announce([.previewReady(request.preview(nil))]) }
    }
    var plan = JobPlan<Preview>(
      title: "preview \(step.title)", kind: .preview, isShown: false)
    plan.onPartial = { _, preview in [.previewReady(preview)] }
    plan.onEnd = { workbench in
      if workbench.previews.ticket == ticket { workbench.previews.job = nil }
      return []
    }
    let asked = request
    previews.job = start(plan, on: queues.previews, needing: id) { model, job, post in
      try asked.run(on: model, in: job, post)
    } onFinish: { _, preview in
      [.previewReady(preview)]
    }
    return ticket
  }

  /// Counts of a revision, which are kept while previews of it are asked for.
  private func counting(of id: RevisionID, given: [LayerSelection]) -> ModelCounting {
    if let counting = previews.counting, counting.revision == id, counting.given == given {
      return counting
    }
    let counting = ModelCounting(id, given: given)
    previews.counting = counting
    return counting
  }

  /// Drops the preview that was asked for last.
  public func cancelPreview() {
    if let job = previews.job { abandon(job) }
    previews.job = nil
  }
}

/// A preview to compute.
struct PreviewRequest: Sendable {
  let ticket: Int
  let step: Step
  let revision: RevisionID
  let layer: String?
  let checkpoint: Checkpoint
  /// What the passes worked on, and this one would.
  let given: [LayerSelection]

  /// Counts of the layers, from which the totals of this step follow.
  var counting: ModelCounting?
  /// The totals, as far as they are known.
  var totals: PreviewTotals?

  /// What is worked on: the step, or what stands in for one that takes minutes.
  var work: Step { step.pass.sketch.map { Step(pass: $0, layers: step.layers) } ?? step }
  private var isSketch: Bool { step.pass.sketch != nil }

  /// The totals after the step as counts tell them: an estimate where another step stands in for it.
  func totals(of counted: CountedModel) -> PreviewTotals? {
    let totals = counted.totals(after: work)
    return isSketch ? totals?.estimated : totals
  }

  /// Applies the step, to the layer on screen alone first where a layer's
  /// outcome does not hang on the others.
  func run(
    on model: ModelState, in job: borrowing JobContext, _ post: (Preview) -> Void
  ) throws -> Preview {
    var snapshot = try snapshotAlone(model, job.part(0...0.1))
    if snapshot != nil, totals?.isExact != true { post(preview(snapshot)) }
    var whole = totals
    if whole == nil, model.parameters.contains(where: step.layers.contains) {
      let counted = try counting?.count(model, against: checkpoint, in: job.part(0.1...0.4))
      whole = counted.flatMap { totals(of: $0) }
      if let whole, !whole.isExact { post(preview(snapshot, whole)) }
    }
    if isSketch, let whole { return preview(nil, whole, isDone: true) }
    if let whole, whole.isExact, snapshot != nil || layer == nil {
      return preview(snapshot, whole, isDone: true)
    }
    let changed = try Replay(base: model, steps: [work]).run(in: job.part(0.4...0.7))
    if snapshot == nil, !isSketch, let layer {
      snapshot = try self.snapshot(of: layer, in: changed, job)
    }
    if let whole, whole.isExact { return preview(snapshot, whole, isDone: true) }
    let sizes = try ModelSizes(
      of: changed, against: checkpoint, given: given, others: false, in: job)
    let count = model.parameters.count(where: step.layers.contains)
    let found = PreviewTotals(sizes, layerCount: count)
    return preview(snapshot, isSketch ? found.estimated : found, isDone: true)
  }

  /// The layer on screen, where its outcome does not hang on others.
  private func snapshotAlone(
    _ model: ModelState, _ job: borrowing JobContext
  ) throws -> LayerSnapshot? {
    guard let layer, let parameter = model.parameters[layer], step.pass.isLayerwise, !isSketch,
      step.layers.contains(parameter)
    else { return nil }
    let changed = try step.apply(to: model.with(Parameters([parameter])), in: job)
    return try snapshot(of: layer, in: changed, job)
  }

  private func snapshot(
    of layer: String, in model: ModelState, _ job: borrowing JobContext
  ) throws -> LayerSnapshot? {
    try checkpoint.parameters[layer].map {
      try LayerSnapshot(
        of: model.layer($0), revision: revision, original: $0, known: nil, in: job)
    }
  }

  func preview(
    _ layer: LayerSnapshot?, _ whole: PreviewTotals? = nil, isDone: Bool = false
  ) -> Preview {
    Preview(
      ticket: ticket, step: step, revision: revision, layer: layer, whole: whole ?? totals,
      isDone: isDone)
  }
}

extension PreviewTotals {
  init(_ sizes: ModelSizes, layerCount: Int) {
    let total = sizes.comparison.presentTotal
    func layers(_ layers: [Comparison.Layer], haveErrors: Bool) -> [(String, Layer)] {
      layers.map {
        let difference = $0.difference
        return (
          $0.name,
          Layer(
            sparsity: difference.sparsity, error: haveErrors ? difference.error : nil,
            packedBytes: sizes.tensorBytes[$0.name], weights: difference.weights)
        )
      }
    }
    let all =
      layers(sizes.comparison.layers, haveErrors: true)
      + layers(sizes.comparison.reshaped, haveErrors: false)
    self.init(
      keptWeights: total.weights - total.zeros, sparsity: total.sparsity,
      layerError: sizes.comparison.layerError, fileBytes: sizes.fileBytes, layerCount: layerCount,
      layers: Dictionary(all, uniquingKeysWith: { $1 }), isExact: true)
  }
}
