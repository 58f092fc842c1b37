public import Jobs
public import Tensors

extension Prune {
  /// The model with the selected layers' least weights gone. Throws `Cancelled`,
  /// and `PassError` for settings that do not go together.
  public func apply(
    to parameters: Parameters, layers: LayerSelection, in job: borrowing JobContext
  ) throws -> Parameters {
    try validate()
    if countsShares, amount == 0 { return parameters }
    let chosen = layers.of(parameters).filter { $0.shape.count > 0 }
    let areLarge = chosen.areLarge
    var cut = try isLayerwise ? nil : modelCut(chosen, in: job.part(0...0.6))
    let masking = job.part(isLayerwise ? 0...1 : 0.6...1)
    var changed: [Parameter] = []
    for (index, parameter) in chosen.enumerated() {
      masking.progress(Double(index) / Double(chosen.count), parameter.place.path)
      try masking.checkpoint()
      let units = try keptUnits(of: parameter, &cut, job.threads, job.shouldStop)
      changed += try pruned(
        parameter, keeping: self.units(of: parameter.shape).weights(of: units, in: parameter.shape),
        lazily: areLarge, threads: job.threads, shouldStop: job.shouldStop)
    }
    masking.progress(1)
    return parameters.replacing(changed)
  }

  /// The cut through the units of all layers, and whether it is one of shifted
  /// rankings; each layer is read twice.
  private func modelCut(
    _ chosen: [Parameter], in job: borrowing JobContext
  ) throws -> (cut: MagnitudeCut, isShifted: Bool) {
    let count = chosen.reduce(0) { $0 + units(of: $1.shape).count }
    let areMasked = chosen.contains { $0.mask != nil }
    let cut = try modelCut(chosen, count, shifted: false, in: job.part(0...0.5))
    guard areMasked, cut.magnitude == 0 else { return (cut, false) }
    return (try modelCut(chosen, count, shifted: true, in: job.part(0.5...1)), true)
  }

  private func modelCut(
    _ chosen: [Parameter], _ count: Int, shifted: Bool, in job: borrowing JobContext
  ) throws -> MagnitudeCut {
    let (threads, shouldStop) = (job.threads, job.shouldStop)
    var read = 0
    let cut = try Select.magnitudeCut(
      pruning: quota(of: count), ofTensors: chosen.count, threads: threads, shouldStop: shouldStop
    ) { index in
      job.progress(Double(read) / Double(2 * chosen.count), chosen[index].place.path)
      try job.checkpoint()
      read += 1
      return try Ranking(
        of: chosen[index], under: self, shifted: shifted, threads: threads, shouldStop: shouldStop
      ).scores
    }
    guard let cut else { throw Cancelled() }
    return cut
  }

  /// Which units of a layer stay, as a mask over its scores. `cut` is the model's,
  /// if that is the scope.
  private func keptUnits(
    of parameter: Parameter, _ cut: inout (cut: MagnitudeCut, isShifted: Bool)?, _ threads: Int,
    _ shouldStop: @Sendable () -> Bool
  ) throws -> Mask {
    let isMasked = parameter.mask != nil
    func ranking(shifted: Bool) throws -> Ranking {
      try Ranking(
        of: parameter, under: self, shifted: shifted, threads: threads, shouldStop: shouldStop)
    }
    let kept: Mask?
    if structure == .nOfM {
      kept = try largestOfEachGroup(
        ranking(shifted: isMasked).scores, threads: threads, shouldStop: shouldStop)
    } else if method == .threshold {
      let ranking = try ranking(shifted: false)
      kept = Mask(
        keepingAbove: ranking.score(ofMagnitude: largestMagnitudeThatGoes), of: ranking.scores,
        threads: threads, shouldStop: shouldStop)
    } else if scope == .channel {
      let ranking = try ranking(shifted: isMasked)
      kept = Select.mask(
        pruningPerRow: quota(of: ranking.units.across), of: ranking.scores, threads: threads,
        shouldStop: shouldStop)
    } else if let isShifted = cut?.isShifted {
      let scores = try ranking(shifted: isShifted).scores
      kept = cut?.cut.mask(of: scores, threads: threads, shouldStop: shouldStop)
    } else {
      kept = try keptUnits(ofLayer: ranking, isMasked: isMasked, threads, shouldStop)
    }
    guard let kept else { throw Cancelled() }
    return kept
  }

  /// The same where the amount is counted in this layer.
  ///
  /// Pruned weights are 0 and go first by themselves, unless there are other zeros
  /// and the cut falls among them: then the ranking must be shifted.
  private func keptUnits(
    ofLayer ranking: (_ shifted: Bool) throws -> Ranking, isMasked: Bool, _ threads: Int,
    _ shouldStop: @Sendable () -> Bool
  ) throws -> Mask? {
    for shifted in isMasked ? [false, true] : [false] {
      let ranking = try ranking(shifted)
      var cut = Select.magnitudeCut(
        pruning: quota(of: ranking.units.count), of: [ranking.scores], threads: threads,
        shouldStop: shouldStop)
      if isMasked, !ranking.isShifted, cut?.magnitude == 0 { continue }
      return cut?.mask(of: ranking.scores, threads: threads, shouldStop: shouldStop)
    }
    return nil
  }

  /// The largest f32 number up to the threshold.
  private var largestMagnitudeThatGoes: Float {
    let nearest = Float(threshold)
    return Double(nearest) > threshold ? nearest.nextDown : nearest
  }

  /// `parameter` with what `kept` and its own mask both keep; none, it is the very
  /// same, when its own mask keeps no more than that.
  private func pruned(
    _ parameter: Parameter, keeping kept: Mask, lazily: Bool, threads: Int,
    shouldStop: @Sendable () -> Bool
  ) throws -> [Parameter] {
    let mask = parameter.mask.map(kept.intersection) ?? kept
    guard mask.keptCount < parameter.keptCount else { return [] }
    let changed = try parameter.changed(
      from: parameter.weights(threads: threads, shouldStop: shouldStop), lazily: lazily,
      grid: parameter.grid, mask: mask,
      threads: threads, shouldStop: shouldStop
    ) { mask.applying(to: $0, threads: $1, shouldStop: $2) }
    return [changed]
  }
}
