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
    let areMasked = chosen.contains { $0.mask != nil }
    let areLarge = chosen.areLarge
    var cut = try isLayerwise ? nil : modelCut(chosen, shifted: areMasked, in: job.part(0...0.6))
    let masking = job.part(isLayerwise ? 0...1 : 0.6...1)
    var changed: [Parameter] = []
    for (index, parameter) in chosen.enumerated() {
      masking.progress(Double(index) / Double(chosen.count), parameter.place.path)
      try masking.checkpoint()
      let ranking = try Ranking(
        of: parameter, under: self, shifted: isLayerwise ? parameter.mask != nil : areMasked,
        threads: job.threads, shouldStop: job.shouldStop)
      let units = try keptUnits(of: ranking, &cut, job.threads, job.shouldStop)
      changed += try pruned(
        parameter, keeping: ranking.units.weights(of: units, in: parameter.shape),
        lazily: areLarge, threads: job.threads, shouldStop: job.shouldStop)
    }
    masking.progress(1)
    return parameters.replacing(changed)
  }

  /// The one cut through the units of all layers; each layer is read twice.
  private func modelCut(
    _ chosen: [Parameter], shifted: Bool, in job: borrowing JobContext
  ) throws -> MagnitudeCut {
    let count = chosen.reduce(0) { $0 + units(of: $1.shape).count }
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

  /// Which units of a layer stay, as a mask over its scores.
  private func keptUnits(
    of ranking: Ranking, _ cut: inout MagnitudeCut?, _ threads: Int,
    _ shouldStop: @Sendable () -> Bool
  ) throws -> Mask {
    let (scores, units) = (ranking.scores, ranking.units)
    let kept: Mask?
    if structure == .nOfM {
      kept = largestOfEachGroup(scores, threads: threads, shouldStop: shouldStop)
    } else if method == .threshold {
      kept = Mask(
        keepingAbove: ranking.score(ofMagnitude: largestMagnitudeThatGoes), of: scores,
        threads: threads, shouldStop: shouldStop)
    } else if scope == .channel {
      kept = Select.mask(
        pruningPerRow: quota(of: units.across), of: scores, threads: threads,
        shouldStop: shouldStop)
    } else if cut != nil {
      kept = cut?.mask(of: scores, threads: threads, shouldStop: shouldStop)
    } else {
      kept = Select.mask(
        pruning: quota(of: units.count), of: scores, threads: threads, shouldStop: shouldStop)
    }
    guard let kept else { throw Cancelled() }
    return kept
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
      from: parameter.tensor(), lazily: lazily, grid: parameter.grid, mask: mask,
      threads: threads, shouldStop: shouldStop
    ) { mask.applying(to: $0, threads: $1, shouldStop: $2) }
    return [changed]
  }
}
