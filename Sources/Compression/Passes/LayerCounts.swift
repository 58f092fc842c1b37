public import Tensors

/// Counts of a layer's weights, made by one read of them: what becomes of the layer when the
/// smallest of them go, however many.
public struct LayerCounts: Sendable {
  /// All of them.
  public let weights: Int
  /// Those that are exactly 0.
  public let zeros: Int
  /// Those that a mask has pruned.
  let masked: Int
  let magnitudes: MagnitudeDistribution
  /// Of the largest weight of each block of the file; nil where that does not matter.
  let blocks: MagnitudeDistribution?

  /// Counts weights of a parameter of type `dtype`, of which some follow one another in blocks
  /// of `blockLength`. nil when stopped.
  public init?(
    of weights: Weights, dtype: DType, blockLength: Int?, threads: Int,
    shouldStop: @Sendable () -> Bool
  ) {
    let values = weights.values
    var counts = MagnitudeCounts()
    guard let nonzeros = Mask(nonzerosOf: values, threads: threads, shouldStop: shouldStop),
      counts.add(values, threads: threads, shouldStop: shouldStop)
    else { return nil }
    self.weights = values.shape.count
    zeros = self.weights - nonzeros.keptCount
    masked = self.weights - weights.keptCount
    magnitudes = counts.distribution(isWhole: dtype == .bf16 && weights.grid == nil)
    guard let blockLength else {
      blocks = nil
      return
    }
    var largest = MagnitudeCounts()
    let maxima = values.largestMagnitudes(ofBlocks: blockLength, threads: threads)
    guard largest.add(maxima, threads: threads, shouldStop: shouldStop) else { return nil }
    blocks = largest.distribution(isWhole: false)
  }
}

/// What a prune of single weights makes of a layer.
public struct PrunedCounts: Sendable, Hashable {
  /// Weights that a mask prunes.
  public let pruned: Int
  /// Weights that are 0, pruned or not.
  public let zeros: Int
  /// Σ w² of those that were not 0 before.
  public let squares: Double
  /// Blocks of the file that have a weight left.
  public let liveBlocks: Int
  /// Whether the layer becomes another.
  public let isChanged: Bool
  /// Whether all but `squares` is what the pass would find, rather than an estimate.
  public let isExact: Bool
}

extension Prune {
  /// Whether counts of magnitudes tell what becomes of a layer.
  public var followsCounts: Bool {
    structure == .none
      && (method == .threshold || (method == .magnitude && scope != .channel))
  }

  /// What becomes of the layers that it is given, in the order of the checkpoint.
  /// Precondition: `followsCounts`, and the layers' weights are finite.
  public func outcomes(of layers: [LayerCounts]) -> [PrunedCounts] {
    if method == .threshold {
      let bits = largestMagnitudeThatGoes.bitPattern
      return layers.map { layer in
        let (count, isExact) = layer.magnitudes.count(upTo: bits)
        return layer.outcome(pruning: max(count, layer.zeros), isExact: isExact)
      }
    }
    if amount == 0 { return layers.map { $0.outcome(pruning: 0, isExact: true) } }
    if scope == .model { return outcomesOfModel(layers) }
    return layers.map { $0.outcome(pruning: quota(of: $0.weights), isExact: true) }
  }

  /// Weights in the bucket of the cut are shared out among the layers as they have some there;
  /// where they are all as large as each other the first go, as the pass has it.
  private func outcomesOfModel(_ layers: [LayerCounts]) -> [PrunedCounts] {
    let quota = quota(of: layers.reduce(0) { $0 + $1.weights })
    let magnitudes = layers.map(\.magnitudes)
    guard let bucket = MagnitudeDistribution.bucket(of: quota - 1, in: magnitudes) else {
      return layers.map { $0.outcome(pruning: 0, isExact: true) }
    }
    let isOrdered = magnitudes.allSatisfy(\.isWhole)
    let there = magnitudes.reduce(0) { $0 + $1.count(in: bucket) }
    let going = quota - magnitudes.reduce(0) { $0 + $1.count(below: bucket) }
    let isExact = isOrdered || going == there
    // Zeros that are pruned already go before the others.
    let isAmongMasked = bucket == 0 && layers.contains { $0.masked > 0 }
    var (seen, gone) = (0, 0)
    return layers.map { layer in
      seen += layer.magnitudes.count(in: bucket)
      let share = Int(Double(going) * (Double(seen) / Double(max(there, 1))))
      let upToHere = isOrdered ? min(seen, going) : seen == there ? going : min(share, going)
      defer { gone = upToHere }
      return layer.outcome(
        pruning: layer.magnitudes.count(below: bucket) + upToHere - gone,
        isExact: isExact && !isAmongMasked)
    }
  }
}

extension LayerCounts {
  /// After the `count` smallest weights went, or as many as have gone already.
  fileprivate func outcome(pruning count: Int, isExact: Bool) -> PrunedCounts {
    guard count > masked else {
      return PrunedCounts(
        pruned: masked, zeros: zeros, squares: 0, liveBlocks: blocks?.total ?? 0,
        isChanged: false, isExact: isExact)
    }
    let (live, isLiveExact) = liveBlocks(pruning: count)
    return PrunedCounts(
      pruned: count, zeros: max(count, zeros), squares: magnitudes.squares(ofSmallest: count),
      liveBlocks: live, isChanged: true, isExact: isExact && isLiveExact)
  }

  /// Blocks that have a weight left. Exact unless the cut is among the largest weights of some.
  private func liveBlocks(pruning count: Int) -> (count: Int, isExact: Bool) {
    guard let blocks else { return (0, true) }
    let bucket = magnitudes.bucket(of: count - 1)
    let dead = blocks.count(below: bucket)
    let (there, all) = (blocks.count(in: bucket), magnitudes.count(in: bucket))
    let going = count - magnitudes.count(below: bucket)
    let share = going == all ? there : Int(Double(there) * (Double(going) / Double(all)))
    // Where nothing but zeros goes, the file's blocks may stay whole.
    return (blocks.total - dead - share, (going == all || there == 0) && count > zeros)
  }
}
