public import Jobs
public import Tensors

extension Prune {
  /// The model with the selected layers' least weights gone. Throws `Cancelled`,
  /// and `PassError` for settings that do not go together.
  public func apply(
    to parameters: Parameters, layers: LayerSelection, in job: borrowing JobContext
  ) throws -> Parameters {
    try validate()
    if method.isCalibrated {
      throw PassError("prune \(method.rawValue) has to see a whole model")
    }
    if countsShares, amount == 0 { return parameters }
    let chosen = layers.of(parameters).filter { $0.shape.count > 0 }
    let areLarge = chosen.areLarge
    let cut = try isLayerwise ? nil : modelCut(chosen, in: job.part(0...0.6))
    let masking = job.part(isLayerwise ? 0...1 : 0.6...1)
    var changed: [Parameter] = []
    for (index, parameter) in chosen.enumerated() {
      masking.progress(Double(index) / Double(chosen.count), parameter.place.path)
      try masking.checkpoint()
      changed.append(
        try parameter.changed(
          lazily: areLarge, threads: job.threads, shouldStop: job.shouldStop
        ) { weights, threads, shouldStop in
          let layer = RankedLayer(name: parameter.name, weights: weights, pass: self)
          let kept = try cut.map { try $0.mask(of: layer, at: index, threads, shouldStop) }
          return try layer.pruned(
            keeping: kept ?? layer.keptUnits(threads, shouldStop), threads, shouldStop)
        })
    }
    masking.progress(1)
    return parameters.replacing(changed)
  }

  /// The cut through the units of all layers; each layer is read twice.
  private func modelCut(
    _ chosen: [Parameter], in job: borrowing JobContext
  ) throws -> ModelCut {
    let count = chosen.reduce(0) { $0 + units(of: $1.shape).count }
    let areMasked = chosen.contains { $0.mask != nil || $0.isDeferred }
    let cut = try modelCut(chosen, count, shifted: false, in: job.part(0...0.5))
    guard areMasked, cut.magnitude == 0 else {
      return ModelCut(cut, isShifted: false, through: chosen, under: self)
    }
    return ModelCut(
      try modelCut(chosen, count, shifted: true, in: job.part(0.5...1)), isShifted: true,
      through: chosen, under: self)
  }

  private func modelCut(
    _ chosen: [Parameter], _ count: Int, shifted: Bool, in job: borrowing JobContext
  ) throws -> MagnitudeCut {
    let (threads, shouldStop) = (job.threads, job.shouldStop)
    var read = 0
    let cut = try Select.magnitudeCut(
      pruning: quota(of: count), ofTensors: chosen.count, threads: threads, shouldStop: shouldStop
    ) { index in
      let parameter = chosen[index]
      job.progress(Double(read) / Double(2 * chosen.count), parameter.place.path)
      try job.checkpoint()
      read += 1
      let weights = try parameter.present(threads: threads, shouldStop: shouldStop)
      return try RankedLayer(name: parameter.name, weights: weights, pass: self)
        .ranking(shifted: shifted, threads, shouldStop).scores
    }
    guard let cut else { throw Cancelled() }
    return cut
  }
}

/// A layer in memory whose units are to be ranked.
struct RankedLayer {
  let name: String
  let weights: Weights
  let pass: Prune

  private var isMasked: Bool { weights.mask != nil }

  func ranking(
    shifted: Bool, _ threads: Int, _ shouldStop: @Sendable () -> Bool
  ) throws -> Ranking {
    try Ranking(
      of: weights, layer: name, under: pass, shifted: shifted, threads: threads,
      shouldStop: shouldStop)
  }

  /// Which units stay where the layer is looked at by itself, as a mask over its
  /// scores. Throws `Cancelled`.
  func keptUnits(_ threads: Int, _ shouldStop: @Sendable () -> Bool) throws -> Mask {
    let kept: Mask?
    if pass.structure == .nOfM {
      kept = try pass.largestOfEachGroup(
        ranking(shifted: isMasked, threads, shouldStop).scores, threads: threads,
        shouldStop: shouldStop)
    } else if pass.method == .threshold {
      let ranking = try ranking(shifted: false, threads, shouldStop)
      kept = Mask(
        keepingAbove: ranking.score(ofMagnitude: pass.largestMagnitudeThatGoes),
        of: ranking.scores, threads: threads, shouldStop: shouldStop)
    } else if pass.scope == .channel {
      let ranking = try ranking(shifted: isMasked, threads, shouldStop)
      kept = Select.mask(
        pruningPerRow: pass.quota(of: ranking.units.across), of: ranking.scores,
        threads: threads, shouldStop: shouldStop)
    } else {
      kept = try largestUnits(threads, shouldStop)
    }
    guard let kept else { throw Cancelled() }
    return kept
  }

  /// The same where the amount is counted in this layer.
  ///
  /// Pruned weights are 0 and go first by themselves, unless there are other zeros
  /// and the cut falls among them: then the ranking must be shifted.
  private func largestUnits(
    _ threads: Int, _ shouldStop: @Sendable () -> Bool
  ) throws -> Mask? {
    guard isMasked else {
      let ranking = try ranking(shifted: false, threads, shouldStop)
      return Select.mask(
        pruning: pass.quota(of: ranking.units.count), of: ranking.scores, threads: threads,
        shouldStop: shouldStop)
    }
    for shifted in [false, true] {
      let ranking = try ranking(shifted: shifted, threads, shouldStop)
      var cut = Select.magnitudeCut(
        pruning: pass.quota(of: ranking.units.count), of: [ranking.scores], threads: threads,
        shouldStop: shouldStop)
      if !ranking.isShifted, cut?.magnitude == 0 { continue }
      return cut?.mask(of: ranking.scores, threads: threads, shouldStop: shouldStop)
    }
    return nil
  }

  /// The weights of those units which its own mask keeps as well; as they are when
  /// that is no fewer. Throws `Cancelled`.
  func pruned(
    keeping units: Mask, _ threads: Int, _ shouldStop: @Sendable () -> Bool
  ) throws -> Weights {
    let shape = weights.values.shape
    let kept = pass.units(of: shape).weights(of: units, in: shape)
    let mask = weights.mask.map(kept.intersection) ?? kept
    guard mask.keptCount < weights.keptCount else { return weights }
    guard
      let values = mask.applying(to: weights.values, threads: threads, shouldStop: shouldStop)
    else { throw Cancelled() }
    return Weights(values: values, grid: weights.grid, mask: mask)
  }
}

extension Prune {
  /// The largest f32 number up to the threshold.
  var largestMagnitudeThatGoes: Float {
    let nearest = Float(threshold)
    return Double(nearest) > threshold ? nearest.nextDown : nearest
  }
}
