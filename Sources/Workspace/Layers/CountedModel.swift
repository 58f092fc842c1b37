internal import CheckpointIO
internal import Compression
internal import Jobs
internal import Models
internal import Synchronization
internal import Tensors

/// The layers of a revision, each read once: what prunes of single weights leave of the model
/// follows without reading any again.
struct CountedModel: Sendable {
  struct Layer: Sendable {
    let parameter: Parameter
    let counts: LayerCounts
    let facts: PackedFacts
    /// From the original.
    let difference: Compression.Comparison.Difference
  }

  fileprivate let layers: [Layer]
  fileprivate let size: PackedSize

  /// Figures of the model after a step; nil unless its pass follows counts. The error is that
  /// of the present layers and of what goes, to three digits. O(layers).
  func totals(after step: Step) -> PreviewTotals? {
    guard let pass = step.pass as? Prune, pass.followsCounts else { return nil }
    let chosen = layers.filter { step.layers.contains($0.parameter) }
    // What passes make of a large model is packed anew, even where it is as it was.
    let areDeferred = chosen.lazy.map(\.parameter).areLarge
    var outcomes: [String: PrunedCounts] = [:]
    var pruned: [PackedSize.Pruned] = []
    var isExact = true
    for (layer, outcome) in zip(chosen, pass.outcomes(of: chosen.map(\.counts))) {
      outcomes[layer.parameter.name] = outcome
      isExact =
        isExact && outcome.isExact
        && (outcome.isChanged || !areDeferred || layer.facts.blockLength == nil)
      guard outcome.isChanged else { continue }
      pruned.append(
        PackedSize.Pruned(
          layer.parameter, layer.facts, kept: layer.counts.weights - outcome.pruned,
          liveBlocks: outcome.liveBlocks))
    }
    let bytes = size.byteCounts(with: pruned)
    var (weights, zeros, norm, error) = (0, 0, 0.0, 0.0)
    var figures: [String: PreviewTotals.Layer] = [:]
    for layer in layers {
      let (outcome, before) = (outcomes[layer.parameter.name], layer.difference)
      let layerZeros = outcome?.zeros ?? layer.counts.zeros
      let layerError = before.squaredError + (outcome?.squares ?? 0)
      figures[layer.parameter.name] = PreviewTotals.Layer(
        sparsity: share(layerZeros, of: layer.counts.weights),
        error: layerError == 0 ? 0 : (layerError / before.squaredNorm).squareRoot(),
        packedBytes: bytes.tensors[layer.parameter.name], weights: layer.counts.weights)
      weights += layer.counts.weights
      zeros += layerZeros
      norm += before.squaredNorm
      error += layerError
    }
    return PreviewTotals(
      keptWeights: weights - zeros, sparsity: share(zeros, of: weights),
      layerError: layers.isEmpty ? nil : error == 0 ? 0 : (error / norm).squareRoot(),
      fileBytes: bytes.file, layerCount: chosen.count, layers: figures,
      isExact: isExact)
  }

  private func share(_ count: Int, of all: Int) -> Double {
    all == 0 ? 0 : Double(count) / Double(all)
  }
}

/// Counts a revision's layers for previews. A preview that gives way to the next leaves what it
/// has counted.
final class ModelCounting: Sendable {
  let revision: RevisionID
  /// What the passes before worked on, and the one to preview.
  let given: [LayerSelection]
  private let state = Mutex(State())

  private struct State {
    var layers: [String: CountedModel.Layer] = [:]
    var counted: CountedModel?
    /// Whether counts do not tell what becomes of this model.
    var isVain = false
  }

  init(_ revision: RevisionID, given: [LayerSelection]) {
    self.revision = revision
    self.given = given
  }

  /// What was counted, once all of it is.
  var counted: CountedModel? { state.withLock(\.counted) }

  /// Counts what is not counted yet. nil where counts do not tell: of weights on a quantizer's
  /// grid, of NaNs and infinities, of layers that are gone or have other shapes. Throws
  /// `Cancelled`, and what reading a tensor throws.
  func count(
    _ model: ModelState, against checkpoint: Checkpoint, in job: borrowing JobContext
  ) throws -> CountedModel? {
    let (former, isVain) = state.withLock { ($0.counted, $0.isVain) }
    if let former { return former }
    if isVain { return nil }
    let chosen = checkpoint.parameters.filter { parameter in
      LayerSelection.all.contains(parameter) || given.contains { $0.contains(parameter) }
    }
    var layers: [CountedModel.Layer] = []
    for (index, original) in chosen.enumerated() {
      job.progress(Double(index) / Double(chosen.count), original.place.path)
      try job.checkpoint()
      if let layer = state.withLock({ $0.layers[original.name] }) {
        layers.append(layer)
        continue
      }
      guard let layer = try layer(original, model, checkpoint, job) else {
        state.withLock { $0.isVain = true }
        return nil
      }
      state.withLock { $0.layers[original.name] = layer }
      layers.append(layer)
    }
    let known = Dictionary(
      layers.map { ($0.parameter.name, $0.facts) }, uniquingKeysWith: { $1 })
    let plan = try Saving.plan(model, of: checkpoint, form: .packed, known: known, in: job)
    let counted = CountedModel(layers: layers, size: PackedSize(plan))
    state.withLock {
      $0.counted = counted
      $0.layers = [:]
    }
    return counted
  }

  private func layer(
    _ original: Parameter, _ model: ModelState, _ checkpoint: Checkpoint,
    _ job: borrowing JobContext
  ) throws -> CountedModel.Layer? {
    guard let parameter = model.parameters[original.name], parameter.shape == original.shape
    else { return nil }
    let (threads, shouldStop) = (job.threads, job.shouldStop)
    let weights = try parameter.loaded(in: job)
    let before = parameter.isIdentical(to: original) ? weights : try original.loaded(in: job)
    let difference = try Compression.Comparison.Difference(
      from: before, to: weights, threads: threads, shouldStop: shouldStop)
    guard difference.nonFinite.isEmpty, weights.grid == nil else { return nil }
    let facts = PackedFacts(of: parameter, weights, in: checkpoint)
    let counts = LayerCounts(
      of: weights, dtype: parameter.dtype, blockLength: facts.blockLength, threads: threads,
      shouldStop: shouldStop)
    guard let counts else { throw Cancelled() }
    return CountedModel.Layer(
      parameter: parameter, counts: counts, facts: facts, difference: difference)
  }
}
