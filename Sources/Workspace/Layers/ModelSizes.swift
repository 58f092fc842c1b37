internal import CheckpointIO
internal import Compression
internal import Jobs
internal import Models
internal import Tensors

/// The figures of a revision that need no network.
struct ModelSizes: Sendable {
  /// The layers against the original's.
  let comparison: Compression.Comparison
  /// Of the packed file, header included.
  let fileBytes: Int
  /// Of its tensors, by name.
  let tensorBytes: [String: Int]
  /// Of the packed file's tensors, for each weight of the original.
  let bitsPerWeight: Double
  /// Of the layers with bit depths, where there are such.
  let channelSizes: ChannelSizes?

  /// Measures a model against the checkpoint it comes of; `given` is what passes worked on,
  /// and `others` asks for the weights of no layer too. Throws `Cancelled`, and what reading
  /// a tensor throws.
  init(
    of model: ModelState, against checkpoint: Checkpoint, given: [LayerSelection],
    others: Bool = true, in job: borrowing JobContext
  ) throws {
    let original = checkpoint.parameters
    // Of a large model each read makes the weights anew.
    var known: [String: PackedFacts] = [:]
    comparison = try Comparison(
      of: original, with: model.parameters, given: given, others: others, in: job.part(0...0.9)
    ) { parameter, weights in
      known[parameter.name] = PackedFacts(of: parameter, weights, in: checkpoint)
    }
    let plan = try Saving.plan(
      model, of: checkpoint, form: .packed, known: known, in: job.part(0.9...1))
    fileBytes = plan.byteCount
    tensorBytes = Dictionary(
      plan.entries.map { ($0.name, $0.byteCount) }, uniquingKeysWith: { $1 })
    channelSizes = plan.channelSizes
    let weights = original.weightCount
    bitsPerWeight =
      weights == 0 ? 0 : Double(plan.entries.reduce(0) { $0 + $1.byteCount } * 8) / Double(weights)
  }
}

extension Metrics {
  /// Figures of no layers do not exist.
  private mutating func take(_ comparison: Compression.Comparison) {
    let total = comparison.presentTotal
    weights = total.weights
    keptWeights = total.weights - total.zeros
    sparsity = total.weights == 0 ? nil : total.sparsity
    layerError = comparison.layerError
    nonFinite = comparison.nonFinite.reduce(NonFiniteChange()) { $0 + $1.difference.nonFinite }
  }

  /// The same figures with the size of the open file, which is the original as it is.
  func ofFile(_ checkpoint: Checkpoint) -> Metrics {
    var metrics = self
    metrics.fileBytes = checkpoint.fileByteCount
    return metrics
  }

  mutating func take(_ sizes: ModelSizes) {
    take(sizes.comparison)
    fileBytes = sizes.fileBytes
    channelSizes = sizes.channelSizes
    bitsPerWeight = sizes.bitsPerWeight
  }
}
