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
          return try self.quantized(weights, threads, shouldStop)
        })
    }
    job.progress(1)
    return parameters.replacing(changed)
  }

  func quantized(
    _ weights: Weights, _ threads: Int, _ shouldStop: @Sendable () -> Bool
  ) throws -> Weights {
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
