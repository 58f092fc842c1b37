public import Jobs
public import Tensors

extension Prune {
  public func apply(
    to parameters: Parameters, layers: LayerSelection, in job: borrowing JobContext
  ) throws -> Parameters {
    try validate()
    if countsShares, amount == 0 { return parameters }
    let chosen = layers.of(parameters).filter { $0.shape.count > 0 }
    let shared = try countsShares && scope == .model ? modelCut(chosen, in: job.part(0...0.6)) : nil
    let masking = job.part(shared == nil ? 0...1 : 0.6...1)
    var ties = shared?.ties ?? 0
    var changed: [Parameter] = []
    for (index, parameter) in chosen.enumerated() {
      masking.progress(Double(index) / Double(chosen.count), parameter.place.path)
      try masking.checkpoint()
      let ranks = try Ranks(of: parameter, under: self, shouldStop: job.shouldStop)
      let going = try self.going(of: ranks, shared: shared?.rank, ties: &ties)
      changed += try masked(parameter, going, ranks.units, shouldStop: job.shouldStop)
    }
    masking.progress(1)
    return parameters.replacing(changed)
  }

  /// The one cut through the units of all layers.
  private func modelCut(_ chosen: [Parameter], in job: borrowing JobContext) throws -> Cut {
    let count = chosen.reduce(0) { $0 + units(of: $1.shape).count }
    var done = 0
    let shouldStop = job.shouldStop
    return try unsafe cut(quota: quota(of: count)) { body in
      for parameter in chosen {
        job.progress(Double(done) / Double(2 * chosen.count), parameter.place.path)
        try job.checkpoint()
        let ranks = try Ranks(of: parameter, under: self, shouldStop: shouldStop)
        try unsafe ranks.values.withUnsafeBufferPointer(body)
        done += 1
      }
    }
  }

  /// Which units of a layer go. `ties` counts what is left of the model's cut.
  private func going(of ranks: Ranks, shared: Rank?, ties: inout Int) throws -> [Bool] {
    if let shared { return ranks.below(shared, ties: &ties, in: 0..<ranks.values.count) }
    var result: [Bool] = []
    result.reserveCapacity(ranks.values.count)
    for run in runs(of: ranks.units) {
      if structure == .nOfM {
        result += try ranks.smallest(run.count - keepCount(ofGroup: run.count), of: run)
      } else if method == .threshold {
        var none = 0
        result += ranks.below(Cut.upTo(threshold).rank, ties: &none, in: run)
      } else {
        result += try ranks.smallest(quota(of: run.count), of: run)
      }
    }
    return result
  }

  /// The units that are counted together, in order.
  private func runs(of units: Units) -> [Range<Int>] {
    if structure == .nOfM {
      return (0..<units.down).flatMap { row in
        stride(from: 0, to: units.across, by: m).map {
          row * units.across + $0..<row * units.across + min($0 + m, units.across)
        }
      }
    }
    guard countsShares, scope == .channel else { return [0..<units.count] }
    return (0..<units.down).map { $0 * units.across..<($0 + 1) * units.across }
  }
}
