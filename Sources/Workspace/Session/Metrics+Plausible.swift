internal import Tensors

extension Metrics {
  /// Far beyond any model, and small enough that sums and bits of it fit.
  private static let countLimit = 1 << 53
  /// A cross-entropy of f32 logits is no larger.
  private static let lossLimit = 1e39
  /// Characters of a few words for the screen.
  private static let wordsLimit = 200

  /// The stored figures without those that cannot have been measured: if one figure of a
  /// measurement is impossible, all of them go and are measured again. NaN and ∞ stay, as a
  /// broken model has them. nil if even the number of weights cannot be right.
  var plausible: Metrics? {
    guard (0..<Self.countLimit).contains(weights) else { return nil }
    var metrics = self
    if !isLossPlausible { metrics.forgetLoss() }
    if !areSizesPlausible {
      (metrics.sparsity, metrics.bitsPerWeight, metrics.layerError) = (nil, nil, nil)
      (metrics.fileBytes, metrics.keptWeights, metrics.nonFinite) = (nil, nil, nil)
    }
    return metrics
  }

  private var isLossPlausible: Bool {
    let rounding = -1e-3
    return Self.isAmount(loss) && Self.isAmount(perplexity, limit: .infinity)
      && Self.isAmount(kl.map { $0 < 0 && $0 > rounding ? 0 : $0 })
      && (agreement.map { (0...1).contains($0) } ?? true)
      && (tokens.map { (1..<Self.countLimit).contains($0) } ?? true)
      && (tokensPerSecond.map { $0 >= 0 && $0 < Double(Self.countLimit) } ?? true)
      && Self.isAmount(layerSpeed)
      && (measuredOn.map { $0.count <= Self.wordsLimit } ?? true)
  }

  private var areSizesPlausible: Bool {
    Self.isAmount(layerError)
      && (sparsity.map { (0...1).contains($0) } ?? true)
      && (bitsPerWeight.map { $0 >= 0 && $0 < Double(Self.countLimit) } ?? true)
      && (fileBytes.map { (0..<Self.countLimit).contains($0) } ?? true)
      && (keptWeights.map { (0...weights).contains($0) } ?? true)
      && (nonFinite.map { Self.isPlausible($0.nan) && Self.isPlausible($0.infinite) } ?? true)
  }

  private static func isPlausible(_ count: NonFiniteChange.Count) -> Bool {
    (0..<countLimit).contains(count.before) && (0..<countLimit).contains(count.after)
      && (0...min(count.before, count.after)).contains(count.stayed)
  }

  /// Whether a figure is nil (not measured yet), from 0 to `limit`, NaN or infinite.
  private static func isAmount(_ figure: Double?, limit: Double = lossLimit) -> Bool {
    figure.map { $0.isNaN || $0 == .infinity || (0...limit).contains($0) } ?? true
  }
}
