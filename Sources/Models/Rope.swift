internal import Glibc

/// Rotary position embeddings (Su et al., 2021): channels of a head in pairs, each turned by
/// the position times a frequency.
public struct Rope: Sendable, Hashable {
  /// How frequencies are changed for contexts longer than those of training.
  public enum Scaling: Sendable, Hashable {
    case none
    /// All divided by a factor (Chen et al., 2023).
    case linear(factor: Float)
    /// A larger base for a text of more than `original` tokens ("NTK aware").
    case dynamic(factor: Float, original: Int)
    /// Low frequencies are divided, high ones kept, those between blended (Llama 3.1).
    case llama3(factor: Float, low: Float, high: Float, original: Int)
    /// The same by turns in the original context (Peng et al., 2023).
    case yarn(factor: Float, fast: Float, slow: Float, original: Int, truncates: Bool)
    /// A factor for each pair (Ding et al., 2024), others for texts of more than `original`.
    case longRope(short: [Float], long: [Float], original: Int)
  }

  public var base: Float
  /// Channels of a head that are turned, the first ones.
  public var width: Int
  public var scaling: Scaling
  /// Turned queries and keys are multiplied by it.
  public var factor: Float
  /// Whether a pair is two neighbours, in place of channels half of `width` apart.
  public var isInterleaved: Bool

  public init(
    base: Float, width: Int, scaling: Scaling = .none, factor: Float = 1,
    isInterleaved: Bool = false
  ) {
    (self.base, self.width, self.scaling) = (base, width, scaling)
    (self.factor, self.isInterleaved) = (factor, isInterleaved)
  }

  /// The angle of each pair at position 1, `width / 2` of them, in a text of `length` tokens.
  /// `divisors` are those that a file has as a tensor.
  public func frequencies(length: Int, divisors: [Float]? = nil) -> [Float] {
    let pairs = width / 2
    var base = Double(base)
    if case .dynamic(let factor, let original) = scaling, length > original, width > 2 {
      let stretch = Double(factor) * Double(length) / Double(original) - (Double(factor) - 1)
      base *= pow(stretch, Double(width) / Double(width - 2))
    }
    var plain = (0..<pairs).map { pow(base, -2 * Double($0) / Double(width)) }
    if let divisors, divisors.count == pairs {
      for pair in 0..<pairs { plain[pair] /= Double(divisors[pair]) }
    }
    return plain.enumerated().map { pair, frequency in
      Float(scaled(frequency, pair: pair, length: length))
    }
  }

  private func scaled(_ frequency: Double, pair: Int, length: Int) -> Double {
    switch scaling {
    case .none, .dynamic: return frequency
    case .linear(let factor): return frequency / Double(factor)
    case .llama3(let factor, let low, let high, let original):
      let waves = Double(original) * frequency / (2 * .pi)
      if waves < Double(low) { return frequency / Double(factor) }
      if waves > Double(high) { return frequency }
      let share = (waves - Double(low)) / Double(high - low)
      return (1 - share) * frequency / Double(factor) + share * frequency
    case .yarn(let factor, let fast, let slow, let original, let truncates):
      var first = channel(turning: Double(fast), in: Double(original))
      var last = channel(turning: Double(slow), in: Double(original))
      if truncates { (first, last) = (first.rounded(.down), last.rounded(.up)) }
      (first, last) = (max(first, 0), min(last, Double(width - 1)))
      if first == last { last += 0.001 }
      let share = min(max((Double(pair) - first) / (last - first), 0), 1)
      return frequency * (1 - share) + frequency / Double(factor) * share
    case .longRope(let short, let long, let original):
      let factors = length > original ? long : short
      return pair < factors.count ? frequency / Double(factors[pair]) : frequency
    }
  }

  /// The pair of channels that turns `turns` times in `context` positions.
  private func channel(turning turns: Double, in context: Double) -> Double {
    Double(width) * log(context / (turns * 2 * .pi)) / (2 * log(Double(base)))
  }
}

/// Natural.
func logarithm(_ value: Double) -> Double { log(value) }
