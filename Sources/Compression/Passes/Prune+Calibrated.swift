internal import Backend
public import Jobs
public import Models
internal import Tensors

extension Prune {
  /// By magnitude.
  public var sketch: (any CompressionPass)? {
    guard method.isCalibrated else { return nil }
    var plain = self
    (plain.method, plain.scope) = (.magnitude, .layer)
    return plain
  }

  /// The model with the selected layers' least weights gone. Throws as `apply` to parameters, and what
  /// running the model throws where the method has to see what goes into layers.
  public func apply(
    to model: ModelState, layers: LayerSelection, in job: borrowing JobContext
  ) throws -> ModelState {
    guard method.isCalibrated else {
      return model.with(try apply(to: model.parameters, layers: layers, in: job))
    }
    try validate()
    if countsShares, amount == 0 { return model }
    return try LayerwiseCompression(edit: CalibratedPrune(pass: self), calibration: calibration)
      .apply(to: model, layers: layers, in: job)
  }
}

/// Prunes single weights, or n of m, by what goes into their layer.
private struct CalibratedPrune: CalibratedEdit {
  let pass: Prune

  var needs: InputProducts.Kind { pass.method == .wanda ? .squares : .products }

  func edit(
    _ weights: Weights, of parameter: Parameter, _ inputs: LayerInputs,
    shouldStop: @Sendable () -> Bool
  ) throws -> Weights {
    if pass.method == .wanda { return try wanda(weights, inputs, shouldStop) }
    let choice: ColumnWalk.Choice =
      pass.structure == .nOfM
      ? .nOfM(n: pass.n, m: pass.m) : .layer { [pass] in pass.quota(of: $0) }
    guard
      let result = try inputs.walk(.given, shouldStop: shouldStop).run(
        weights.values, mask: weights.mask, zeroing: choice, shouldStop: shouldStop)
    else { throw Cancelled() }
    return Weights(values: result.values, grid: nil, mask: result.mask)
  }

  /// By magnitude.
  func editUnseen(
    _ weights: Weights, of parameter: Parameter, threads: Int, shouldStop: @Sendable () -> Bool
  ) throws -> Weights {
    var plain = pass
    plain.method = .magnitude
    plain.scope = pass.method == .wanda ? .channel : .layer
    let layer = RankedLayer(name: parameter.name, weights: weights, pass: plain)
    return try layer.pruned(
      keeping: layer.keptUnits(threads, shouldStop), threads, shouldStop)
  }

  /// Of each row those with the least |w| · ‖x‖ (Sun et al., Wanda, 2023).
  private func wanda(
    _ weights: Weights, _ inputs: LayerInputs, _ shouldStop: @Sendable () -> Bool
  ) throws -> Weights {
    let norms = inputs.products.meanSquares.map { $0.squareRoot() }
    let (values, mask) = (weights.values, weights.mask)
    let (rows, columns) = (values.shape.rows, values.shape.columns)
    let threads = inputs.crew.threads
    let scores = unsafe values.withUnsafeValues { values in
      unsafe Tensor([rows, columns]) { out in
        for row in 0..<rows {
          for column in 0..<columns {
            let index = row * columns + column
            // What is gone goes first.
            let score = unsafe max(abs(values[index]) * norms[column], .leastNonzeroMagnitude)
            unsafe out[index] = mask?[index] ?? true ? score : 0
          }
        }
      }
    }
    let kept =
      pass.structure == .nOfM
      ? pass.largestOfEachGroup(scores, threads: threads, shouldStop: shouldStop)
      : Select.mask(
        pruningPerRow: pass.quota(of: columns), of: scores, threads: threads,
        shouldStop: shouldStop)
    guard let kept else { throw Cancelled() }
    let all = Mask(shape: values.shape, words: kept.words)
    let final = mask.map(all.intersection) ?? all
    guard let pruned = final.applying(to: values, threads: threads, shouldStop: shouldStop) else {
      throw Cancelled()
    }
    return Weights(values: pruned, grid: weights.grid, mask: final)
  }
}
