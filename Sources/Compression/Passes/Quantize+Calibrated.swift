internal import Backend
internal import Jobs
internal import Tensors

extension Quantize: LayerEditing {
  var edit: any CalibratedEdit { CalibratedQuantize(pass: self) }

  /// To the nearest.
  public var sketch: (any CompressionPass)? {
    guard method != .nearest else { return nil }
    var plain = self
    plain.method = .nearest
    return plain
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
    if !pass.mix.isEmpty {
      guard let own = try pass.settings(for: parameter) else { return weights }
      return try CalibratedQuantize(pass: own).edit(
        weights, of: parameter, inputs, shouldStop: shouldStop)
    }
    try pass.refuse(parameter)
    let target = try inputs.corrected(weights.values, .largestFirst, shouldStop: shouldStop)
    func walked(onto points: WalkGrid) throws -> Tensor {
      let result = try inputs.walk(.largestFirst, shouldStop: shouldStop).run(
        target, mask: weights.mask, onto: points, shouldStop: shouldStop)
      guard let result else { throw Cancelled() }
      return result.values
    }
    let threads = inputs.crew.threads
    if pass.scheme == .blocks, let coding = BlockCoding.of(pass.block.format) {
      let bytes = try pass.blocks(
        of: target, inputs.products.meanSquares, threads, shouldStop)
      let parts = unsafe bytes.withUnsafeBytes {
        unsafe BlockCodes(
          target.shape, $0, of: coding.format, threads: threads, shouldStop: shouldStop)
      }
      guard let parts else { throw Cancelled() }
      let values = try walked(onto: WalkGrid(parts, values: coding.format.codeValues))
      return try pass.inBlocks(
        coding.putting(values, into: bytes, parts, threads: threads), weights, threads, shouldStop)
    }
    guard let grid = grid(for: target, weights.mask, inputs, shouldStop) else { throw Cancelled() }
    return Weights(
      values: try walked(onto: WalkGrid(grid, shape: target.shape)), grid: grid,
      mask: weights.mask)
  }

  /// To the nearest.
  func editUnseen(
    _ weights: Weights, of parameter: Parameter, threads: Int, shouldStop: @Sendable () -> Bool
  ) throws -> Weights {
    try pass.quantized(weights, of: parameter, threads, shouldStop)
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
