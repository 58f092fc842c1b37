internal import Backend
internal import Jobs
internal import Tensors

extension Prune: LayerEditing {
  var edit: any CalibratedEdit { CalibratedPrune(pass: self) }

  /// By magnitude.
  public var sketch: (any CompressionPass)? { method.isCalibrated ? byMagnitude : nil }

  /// The same with magnitudes that decide.
  fileprivate var byMagnitude: Prune {
    var plain = self
    plain.method = .magnitude
    if isPerRow { plain.scope = .channel }
    return plain
  }
}

/// Prunes by what goes into a layer.
private struct CalibratedPrune: CalibratedEdit {
  let pass: Prune

  var needs: InputProducts.Kind {
    if !pass.method.movesWeights { return .squares }
    return pass.method == .alps && pass.calibration.drift > 0 ? .drift : .products
  }

  func edit(
    _ weights: Weights, of parameter: Parameter, _ inputs: LayerInputs,
    shouldStop: @Sendable () -> Bool
  ) throws -> Weights {
    let mask = weights.mask
    switch pass.method {
    case .wanda:
      let scores = wanda(weights, inputs)
      let kept = try choose(scores, inputs, shouldStop)
      let final = mask.map(kept.intersection) ?? kept
      let threads = inputs.crew.threads
      guard
        let pruned = final.applying(to: weights.values, threads: threads, shouldStop: shouldStop)
      else { throw Cancelled() }
      return Weights(values: pruned, grid: weights.grid, mask: final)
    case .alps:
      let target = try inputs.corrected(weights.values, .given, shouldStop: shouldStop)
      let found = try inputs.search.run(
        target, mask: mask, shouldStop: shouldStop
      ) { try choose($0, inputs, shouldStop) }
      guard let found else { throw Cancelled() }
      return Weights(values: found.values, mask: found.mask)
    default:
      let choice: ColumnWalk.Choice =
        pass.structure == .nOfM
        ? .nOfM(n: pass.n, m: pass.m)
        : pass.scope == .channel
          ? .rows { [pass] in pass.quota(of: $0) } : .layer { [pass] in pass.quota(of: $0) }
      guard
        let result = try inputs.walk(.given, shouldStop: shouldStop).run(
          weights.values, mask: mask, zeroing: choice, shouldStop: shouldStop)
      else { throw Cancelled() }
      return Weights(values: result.values, mask: result.mask)
    }
  }

  /// By magnitude.
  func editUnseen(
    _ weights: Weights, of parameter: Parameter, threads: Int, shouldStop: @Sendable () -> Bool
  ) throws -> Weights {
    let layer = RankedLayer(name: parameter.name, weights: weights, pass: pass.byMagnitude)
    return try layer.pruned(
      keeping: layer.keptUnits(threads, shouldStop), threads, shouldStop)
  }

  /// What stays where these scores decide, 0 of what is gone already.
  private func choose(
    _ scores: Tensor, _ inputs: LayerInputs, _ shouldStop: @Sendable () -> Bool
  ) throws -> Mask {
    let plain = pass.byMagnitude
    let layer = RankedLayer(name: "", weights: Weights(values: scores), pass: plain)
    let kept = try layer.keptUnits(inputs.crew.threads, shouldStop)
    return plain.units(of: scores.shape).weights(of: kept, in: scores.shape)
  }

  /// |w| · ‖x‖ (Sun et al., Wanda, 2023).
  private func wanda(_ weights: Weights, _ inputs: LayerInputs) -> Tensor {
    let norms = inputs.products.meanSquares.map { $0.squareRoot() }
    let (values, mask) = (weights.values, weights.mask)
    let (rows, columns) = (values.shape.rows, values.shape.columns)
    return unsafe values.withUnsafeValues { values in
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
  }
}
