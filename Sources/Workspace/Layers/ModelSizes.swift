internal import CheckpointIO
internal import Compression
internal import Jobs
internal import Tensors

/// The figures of a revision that need no network.
struct ModelSizes: Sendable {
  /// The linear layers against the original's.
  let comparison: Compression.Comparison
  /// Of the packed file, header included.
  let fileBytes: Int
  /// Of the packed file's tensors, for each weight of the original.
  let bitsPerWeight: Double
  /// Of the layers with bit depths, where there are such.
  let channelSizes: ChannelSizes?

  /// Measures a model against the checkpoint it comes of. Throws `Cancelled`,
  /// and what reading a tensor throws.
  init(
    of parameters: Parameters, against checkpoint: Checkpoint, in job: borrowing JobContext
  ) throws {
    let original = checkpoint.parameters
    comparison = try Comparison(of: original, with: parameters, in: job.part(0...0.5))
    let plan = try Saving.plan(parameters, of: checkpoint, form: .packed, in: job.part(0.5...1))
    fileBytes = plan.byteCount
    channelSizes = plan.channelSizes
    let weights = original.weightCount
    bitsPerWeight =
      weights == 0 ? 0 : Double(plan.entries.reduce(0) { $0 + $1.byteCount } * 8) / Double(weights)
  }
}

extension Metrics {
  mutating func take(_ total: Compression.Comparison.Difference) {
    weights = total.weights
    keptWeights = total.weights - total.zeros
    sparsity = total.sparsity
    layerError = total.error
  }

  mutating func take(_ sizes: ModelSizes) {
    take(sizes.comparison.total)
    fileBytes = sizes.fileBytes
    channelSizes = sizes.channelSizes
    bitsPerWeight = sizes.bitsPerWeight
  }
}
