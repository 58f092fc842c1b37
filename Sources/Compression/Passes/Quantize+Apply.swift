public import Jobs
public import Tensors

extension Quantize {
  /// The model with the selected layers rounded. Throws `Cancelled`, and
  /// `PassError` for a layer with a weight that is no finite number.
  public func apply(
    to parameters: Parameters, layers: LayerSelection, in job: borrowing JobContext
  ) throws -> Parameters {
    try validate()
    let chosen = layers.of(parameters).filter { $0.shape.count > 0 }
    let areLarge = chosen.areLarge
    var changed: [Parameter] = []
    for (index, parameter) in chosen.enumerated() {
      job.progress(Double(index) / Double(chosen.count), parameter.place.path)
      try job.checkpoint()
      changed.append(
        try quantized(
          parameter, lazily: areLarge, threads: job.threads, shouldStop: job.shouldStop))
    }
    job.progress(1)
    return parameters.replacing(changed)
  }

  private func quantized(
    _ parameter: Parameter, lazily: Bool, threads: Int, shouldStop: @Sendable () -> Bool
  ) throws -> Parameter {
    let weights = try parameter.weights(threads: threads, shouldStop: shouldStop)
    try parameter.refuseWhatIsNotFinite(weights, threads, shouldStop)
    let mask = parameter.mask
    guard
      let grid = Quantization.grid(
        for: weights, mask: mask, levels: levels, groupSize: groupLength(in: parameter.shape),
        rule: scale == .mse ? .leastSquares : .largestMagnitude, threads: threads,
        shouldStop: shouldStop)
    else { throw Cancelled() }
    return try parameter.changed(
      from: weights, lazily: lazily, grid: grid, mask: mask, threads: threads,
      shouldStop: shouldStop
    ) { weights, threads, shouldStop in
      let rounded = Quantization.apply(grid, to: weights, threads: threads, shouldStop: shouldStop)
      guard let mask, grid.isBinary, let rounded else { return rounded?.tensor }
      return mask.applying(to: rounded.tensor, threads: threads, shouldStop: shouldStop)
    }
  }
}
