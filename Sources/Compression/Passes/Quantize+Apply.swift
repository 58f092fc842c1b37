public import Jobs
public import Tensors

extension Quantize {
  /// The model with the selected layers rounded. Throws `Cancelled`, and
  /// `PassError` for a layer with a weight that is no finite number.
  public func apply(
    to parameters: Parameters, layers: LayerSelection, in job: borrowing JobContext
  ) throws -> Parameters {
    try validate()
    if method != .nearest {
      throw PassError("quantize \(method.rawValue) has to see a whole model")
    }
    let chosen = layers.of(parameters).filter { $0.shape.count > 0 }
    let areLarge = chosen.areLarge
    var changed: [Parameter] = []
    for (index, parameter) in chosen.enumerated() {
      job.progress(Double(index) / Double(chosen.count), parameter.place.path)
      try job.checkpoint()
      changed.append(
        try parameter.changed(
          lazily: areLarge, threads: job.threads, shouldStop: job.shouldStop
        ) { weights, threads, shouldStop in
          try parameter.refuseWhatIsNotFinite(weights.values, threads, shouldStop)
          return try self.quantized(weights, of: parameter, threads, shouldStop)
        })
    }
    job.progress(1)
    return parameters.replacing(changed)
  }

  /// A layer's weights to the nearest of its levels. Throws as `apply`.
  func quantized(
    _ weights: Weights, of parameter: Parameter, _ threads: Int,
    _ shouldStop: @Sendable () -> Bool
  ) throws -> Weights {
    if !mix.isEmpty {
      return try settings(for: parameter)?.quantized(weights, of: parameter, threads, shouldStop)
        ?? weights
    }
    if scheme == .blocks {
      try refuse(parameter)
      return try inBlocks(
        try blocks(of: weights.values, nil, threads, shouldStop), weights, threads, shouldStop)
    }
    let (values, mask) = (weights.values, weights.mask)
    guard
      let grid = Quantization.grid(
        for: values, mask: mask, levels: levels, groupSize: groupLength(in: values.shape),
        rule: scale == .mse ? .leastSquares : .largestMagnitude, threads: threads,
        shouldStop: shouldStop),
      var rounded = Quantization.apply(
        grid, to: values, threads: threads, shouldStop: shouldStop)?.tensor
    else { throw Cancelled() }
    if let mask, grid.isBinary {
      guard let kept = mask.applying(to: rounded, threads: threads, shouldStop: shouldStop)
      else { throw Cancelled() }
      rounded = kept
    }
    return Weights(values: rounded, grid: grid, mask: mask)
  }
}

// MARK: Blocks of ggml's

extension Quantize {
  /// Throws `PassError` for a layer whose rows are no whole number of blocks.
  func refuse(_ parameter: Parameter) throws {
    guard scheme == .blocks else { return }
    let (columns, size) = (parameter.shape.columns, block.format.weightCount)
    guard columns % size != 0 else { return }
    throw PassError(
      "\(parameter.name) has rows of \(columns), no multiple of the \(size) that \(block.rawValue) "
        + "needs; mix gives such layers another level")
  }

  /// Blocks of ggml's own choice of scales, by the importance of columns where the format knows any.
  /// Throws `Cancelled`.
  func blocks(
    of values: Tensor, _ importance: [Float]?, _ threads: Int,
    _ shouldStop: @Sendable () -> Bool
  ) throws -> [UInt8] {
    let bytes = values.blocks(
      of: block.format, importance: importance, threads: threads, shouldStop: shouldStop)
    guard let bytes else { throw Cancelled() }
    return bytes
  }

  /// The weights that blocks hold, for those of a layer; what its mask prunes is 0. Throws
  /// `Cancelled`.
  func inBlocks(
    _ bytes: [UInt8], _ weights: Weights, _ threads: Int, _ shouldStop: @Sendable () -> Bool
  ) throws -> Weights {
    let (format, mask) = (block.format, weights.mask)
    let values = unsafe bytes.withUnsafeBytes {
      unsafe Tensor(
        weights.values.shape, dequantizing: $0, from: format, threads: threads,
        shouldStop: shouldStop)
    }
    let kept = values.flatMap { values in
      mask.map { $0.applying(to: values, threads: threads, shouldStop: shouldStop) } ?? values
    }
    guard let kept else { throw Cancelled() }
    return Weights(values: kept, mask: mask, blocks: StoredBlocks(format) { bytes })
  }
}
