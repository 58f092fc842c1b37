internal import CheckpointIO
public import Compression
internal import Jobs
internal import Models
internal import Tensors

/// The preview that was asked for last.
struct PreviewState {
  var ticket = 0
  var job: JobID?
}

extension Workbench {
  /// Has the outcome of a step computed without making a revision of it: first
  /// the layer on screen, then the whole model. Takes the place of the preview
  /// asked for before, whose results are dropped.
  ///
  /// Returns the ticket the results carry.
  @discardableResult
  public func preview(_ step: Step, on id: RevisionID, layer: String? = nil) -> Int {
    cancelPreview()
    previews.ticket += 1
    let ticket = previews.ticket
    guard tree[id] != nil else { return ticket }
    let request = PreviewRequest(
      ticket: ticket, step: step, revision: id, layer: layer, checkpoint: checkpoint,
      given: tree.givenLayers(to: id) + [step.layers])
    var plan = JobPlan<Preview>(
      title: "preview \(step.title)", kind: .preview, isShown: false)
    plan.onPartial = { _, preview in [.previewReady(preview)] }
    plan.onEnd = { workbench in
      if workbench.previews.ticket == ticket { workbench.previews.job = nil }
      return []
    }
    previews.job = start(plan, on: queues.previews, needing: id) { model, job, post in
      try request.run(on: model, in: job, post)
    } onFinish: { _, preview in
      [.previewReady(preview)]
    }
    return ticket
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

  /// Applies the step, to the layer on screen alone first where a layer's
  /// outcome does not hang on the others.
  func run(
    on model: ModelState, in job: borrowing JobContext, _ post: (Preview) -> Void
  ) throws -> Preview {
    var snapshot: LayerSnapshot?
    if step.pass.isLayerwise, let layer, let parameter = model.parameters[layer],
      step.layers.contains(parameter)
    {
      let changed = try step.apply(to: model.with(Parameters([parameter])), in: job.part(0...0.1))
      snapshot = try self.snapshot(of: layer, in: changed, job)
      post(preview(snapshot, whole: nil))
    }
    let changed = try Replay(base: model, steps: [step]).run(in: job.part(0.1...0.7))
    if snapshot == nil, let layer { snapshot = try self.snapshot(of: layer, in: changed, job) }
    let sizes = try ModelSizes(
      of: changed, against: checkpoint, given: given, others: false, in: job)
    let count = model.parameters.count(where: step.layers.contains)
    return preview(snapshot, whole: PreviewTotals(sizes, layerCount: count))
  }

  private func snapshot(
    of layer: String, in model: ModelState, _ job: borrowing JobContext
  ) throws -> LayerSnapshot? {
    try checkpoint.parameters[layer].map {
      try LayerSnapshot(
        of: model.layer($0), revision: revision, original: $0, known: nil, in: job)
    }
  }

  private func preview(_ layer: LayerSnapshot?, whole: PreviewTotals?) -> Preview {
    Preview(ticket: ticket, step: step, revision: revision, layer: layer, whole: whole)
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
          Layer(sparsity: difference.sparsity, error: haveErrors ? difference.error : nil)
        )
      }
    }
    let all =
      layers(sizes.comparison.layers, haveErrors: true)
      + layers(sizes.comparison.reshaped, haveErrors: false)
    self.init(
      keptWeights: total.weights - total.zeros, sparsity: total.sparsity,
      layerError: sizes.comparison.layerError, fileBytes: sizes.fileBytes, layerCount: layerCount,
      layers: Dictionary(all, uniquingKeysWith: { $1 }))
  }
}
