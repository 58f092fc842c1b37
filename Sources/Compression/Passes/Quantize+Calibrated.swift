internal import Backend
public import Jobs
public import Models
internal import Tensors

extension Quantize {
  /// To the nearest.
  public var sketch: (any CompressionPass)? {
    guard method != .nearest else { return nil }
    var plain = self
    plain.method = .nearest
    return plain
  }

  /// The model with the selected layers rounded. Throws as `apply` to parameters, and what running the
  /// model throws where the method has to see what goes into layers.
  public func apply(
    to model: ModelState, layers: LayerSelection, in job: borrowing JobContext
  ) throws -> ModelState {
    guard method != .nearest else {
      return model.with(try apply(to: model.parameters, layers: layers, in: job))
    }
    try validate()
    return try LayerwiseCompression(
      edit: CalibratedQuantize(pass: self), calibration: calibration
    ).apply(to: model, layers: layers, in: job)
  }
}

/// Rounds column by column, those with the largest inputs first, and makes up for each in the others;
/// groups keep the scales that they get beforehand.
private struct CalibratedQuantize: CalibratedEdit {
  let pass: Quantize

  var needs: InputProducts.Kind { pass.method == .qronos ? .drift : .products }

  func edit(
    _ weights: Weights, of parameter: Parameter, _ inputs: LayerInputs,
    shouldStop: @Sendable () -> Bool
  ) throws -> Weights {
    let factor = try inputs.factor(.largestFirst, shouldStop: shouldStop)
    var target: Tensor? = weights.values
    if pass.method == .qronos {
      target = factor.corrected(
        weights.values, for: inputs.products, crew: inputs.crew, hands: inputs.hands,
        shouldStop: shouldStop)
    }
    guard let target,
      let grid = grid(for: target, weights.mask, inputs, shouldStop),
      let result = try inputs.walk(.largestFirst, shouldStop: shouldStop).run(
        target, mask: weights.mask, onto: grid, shouldStop: shouldStop)
    else { throw Cancelled() }
    return Weights(values: result.values, grid: grid, mask: weights.mask)
  }

  /// To the nearest.
  func editUnseen(
    _ weights: Weights, of parameter: Parameter, threads: Int, shouldStop: @Sendable () -> Bool
  ) throws -> Weights {
    try pass.quantized(weights, threads, shouldStop)
  }

  /// Scales by the extremes, or by the least error where errors weigh as much as their inputs' squares.
  private func grid(
    for values: Tensor, _ mask: Mask?, _ inputs: LayerInputs,
    _ shouldStop: @Sendable () -> Bool
  ) -> QuantizationGrid? {
    guard pass.scale == .mse, let size = pass.groupLength(in: values.shape) else {
      return Quantization.grid(
        for: values, mask: mask, levels: pass.levels, groupSize: pass.groupLength(in: values.shape),
        rule: pass.scale == .mse ? .leastSquares : .largestMagnitude,
        threads: inputs.crew.threads, shouldStop: shouldStop)
    }
    return Quantization.grid(
      for: values, levels: pass.levels, groupSize: size,
      importance: inputs.products.meanSquares, threads: inputs.crew.threads,
      shouldStop: shouldStop)
  }
}
