internal import CheckpointIO
internal import Jobs
internal import Tensors

/// The figures of a revision that need no network.
struct ModelSizes: Sendable {
  /// What one layer is like now.
  struct Layer: Sendable {
    let weights: Int
    let kept: Int
    let squaredError: Double
    let sumOfSquares: Double

    var sparsity: Double { weights == 0 ? 0 : 1 - Double(kept) / Double(weights) }
    var error: Double { Self.relative(squaredError, sumOfSquares) }

    /// The root of a share; infinite where something came of nothing.
    static func relative(_ squaredError: Double, _ sumOfSquares: Double) -> Double {
      if sumOfSquares > 0 { return (squaredError / sumOfSquares).squareRoot() }
      return squaredError > 0 ? .infinity : 0
    }
  }

  /// The linear layers, by the parameter's name.
  let layers: [String: Layer]
  let fileBytes: Int
  let bitsPerWeight: Double

  /// Measures a model against the original's weights. Throws `Cancelled`, and
  /// what reading a tensor throws.
  init(of parameters: Parameters, against checkpoint: Checkpoint, in job: borrowing JobContext)
    throws
  {
    let original = checkpoint.parameters
    var layers: [String: Layer] = [:]
    for parameter in parameters.linearLayers {
      try job.checkpoint()
      layers[parameter.name] = try Layer(parameter, original[parameter.name], in: job)
    }
    self.layers = layers
    let tensorBytes = parameters.reduce(0) { sum, parameter in
      let layer = layers[parameter.name]
      return sum
        + PackedSize.bytes(of: parameter, zeroCount: (layer?.weights ?? 0) - (layer?.kept ?? 0))
    }
    fileBytes = tensorBytes
    let weights = original.reduce(0) { $0 + $1.shape.count }
    bitsPerWeight = weights == 0 ? 0 : Double(tensorBytes * 8) / Double(weights)
  }

  var weights: Int { layers.values.reduce(0) { $0 + $1.weights } }
  var keptWeights: Int { layers.values.reduce(0) { $0 + $1.kept } }
  var sparsity: Double { weights == 0 ? 0 : 1 - Double(keptWeights) / Double(weights) }

  /// Summed in the order of names, so that the last digit never wavers.
  var layerError: Double {
    let ordered = layers.sorted { $0.key < $1.key }.map(\.value)
    return Layer.relative(
      ordered.reduce(0) { $0 + $1.squaredError }, ordered.reduce(0) { $0 + $1.sumOfSquares })
  }
}

extension ModelSizes.Layer {
  fileprivate init(
    _ parameter: Parameter, _ original: Parameter?, in job: borrowing JobContext
  ) throws {
    let tensor = try parameter.tensor()
    let before = try original?.tensor() ?? tensor
    guard
      let summary = Statistics.summary(
        of: tensor, threads: job.threads, shouldStop: job.shouldStop)
    else { throw Cancelled() }
    weights = summary.count
    kept = summary.count - summary.zeroCount
    if before.isIdentical(to: tensor) || before.shape.count != tensor.shape.count {
      squaredError = 0
      sumOfSquares = summary.sumOfSquares
      return
    }
    let difference = TensorDifference(
      from: before, to: tensor, threads: job.threads, shouldStop: job.shouldStop)
    guard let difference else { throw Cancelled() }
    squaredError = difference.squaredError
    sumOfSquares = difference.sumOfSquares
  }
}

extension Metrics {
  mutating func take(_ sizes: ModelSizes) {
    weights = sizes.weights
    keptWeights = sizes.keptWeights
    sparsity = sizes.sparsity
    layerError = sizes.layerError
    fileBytes = sizes.fileBytes
    bitsPerWeight = sizes.bitsPerWeight
  }
}
