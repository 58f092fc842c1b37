internal import Glibc

/// How the next token is drawn. The settings work in the order in which they stand here.
public struct Sampling: Sendable, Hashable {
  /// Logits of tokens that the text has already are divided by it, negative ones multiplied
  /// (Keskar et al., 2019); 1 leaves them.
  public var repetitionPenalty: Double
  /// 0 takes the likeliest token; logits are divided by any other.
  public var temperature: Double
  /// Only so many likeliest tokens are left.
  public var topK: Int?
  /// Only the likeliest that together have this probability (Holtzman et al., 2020).
  public var topP: Double?
  /// Only those with at least this share of the likeliest one's probability (Nguyen et al., 2024).
  public var minP: Double?
  public var seed: UInt64

  public init(
    temperature: Double = 1, topK: Int? = nil, topP: Double? = nil, minP: Double? = nil,
    repetitionPenalty: Double = 1, seed: UInt64 = 0
  ) {
    (self.temperature, self.topK, self.topP, self.minP) = (temperature, topK, topP, minP)
    (self.repetitionPenalty, self.seed) = (repetitionPenalty, seed)
  }

  /// Throws `NetworkError.badSetting`.
  func check() throws {
    guard temperature.isFinite, temperature >= 0 else {
      throw NetworkError.badSetting("The temperature must be 0 or more, not \(temperature).")
    }
    if let topK, topK < 1 {
      throw NetworkError.badSetting("Top-k must be 1 or more, not \(topK).")
    }
    for (name, share) in [("Top-p", topP), ("Min-p", minP)] {
      if let share, !(0...1).contains(share) {
        throw NetworkError.badSetting("\(name) must be from 0 to 1, not \(share).")
      }
    }
    guard repetitionPenalty.isFinite, repetitionPenalty > 0 else {
      throw NetworkError.badSetting(
        "The repetition penalty must be above 0, not \(repetitionPenalty).")
    }
  }
}

/// Draws tokens from logits.
struct Sampler {
  private let sampling: Sampling
  private var temperature: Double { sampling.temperature }
  private var topK: Int? { sampling.topK }
  private var generator: SeededGenerator
  private var candidates: [(index: Int, logit: Float)] = []
  private var weights: [Double] = []
  /// Tokens that the text has, where that matters.
  private var seen: Set<Int> = []

  /// Throws `NetworkError.badSetting`.
  init(_ sampling: Sampling) throws {
    try sampling.check()
    self.sampling = sampling
    generator = SeededGenerator(seed: sampling.seed)
  }

  /// Tells of tokens that the text has.
  mutating func note(_ tokens: some Sequence<Int>) {
    if sampling.repetitionPenalty != 1 { seen.formUnion(tokens) }
  }

  /// The next token. Ties go to the lower number.
  mutating func next(_ logits: UnsafeBufferPointer<Float>) -> Int {
    guard !seen.isEmpty else { return unsafe choose(logits) }
    var penalized = unsafe Array(logits)
    let penalty = Float(sampling.repetitionPenalty)
    for token in seen where penalized.indices.contains(token) {
      penalized[token] *= penalized[token] < 0 ? penalty : 1 / penalty
    }
    return unsafe penalized.withUnsafeBufferPointer { unsafe choose($0) }
  }

  private mutating func choose(_ logits: UnsafeBufferPointer<Float>) -> Int {
    if temperature == 0 { return unsafe Sampler.likeliest(logits) }
    if let topK, topK < logits.count {
      unsafe chooseCandidates(topK, logits)
    } else {
      unsafe chooseLikely(logits)
    }
    leaveLikely()
    return unsafe draw() ?? Sampler.likeliest(logits)
  }

  /// A token with less than e⁻⁴⁰ of the likeliest one's probability is never drawn: all of a
  /// vocabulary's together would be once in 10¹² draws.
  private static let longestShot: Float = 40

  /// All that may be drawn, in order.
  private mutating func chooseLikely(_ logits: UnsafeBufferPointer<Float>) {
    candidates.removeAll(keepingCapacity: true)
    var largest = -Float.infinity
    var hasNaN = false
    for index in logits.indices {
      let logit = unsafe logits[index]
      if logit > largest { largest = logit }
      hasNaN = hasNaN || logit.isNaN
    }
    let least = hasNaN ? .nan : largest - Self.longestShot * Float(temperature)
    for index in logits.indices {
      let logit = unsafe logits[index]
      if !(logit < least) { candidates.append((index, logit)) }
    }
  }

  private static func likeliest(_ logits: UnsafeBufferPointer<Float>) -> Int {
    var best = 0
    for index in logits.indices where unsafe logits[index] > logits[best] { best = index }
    return best
  }

  /// The `count` largest, largest first.
  private mutating func chooseCandidates(_ count: Int, _ logits: UnsafeBufferPointer<Float>) {
    candidates.removeAll(keepingCapacity: true)
    for index in logits.indices {
      let logit = unsafe logits[index]
      if candidates.count == count {
        guard logit > candidates[count - 1].logit else { continue }
        candidates.removeLast()
      }
      var (low, high) = (0, candidates.count)
      while low < high {
        let middle = (low + high) / 2
        if candidates[middle].logit >= logit { low = middle + 1 } else { high = middle }
      }
      candidates.insert((index, logit), at: low)
    }
  }

  /// Leaves what top-p and min-p leave of the candidates: the likeliest always.
  private mutating func leaveLikely() {
    guard sampling.topP != nil || sampling.minP != nil, !candidates.isEmpty else { return }
    let order = candidates.sorted {
      $0.logit > $1.logit || $0.logit == $1.logit && $0.index < $1.index
    }
    let largest = Double(order[0].logit)
    let shares = order.map { exp((Double($0.logit) - largest) / temperature) }
    var count = order.count
    if let topP = sampling.topP {
      let wanted = topP * shares.reduce(0, +)
      var sum = 0.0
      count =
        (shares.firstIndex { share in
          sum += share
          return sum >= wanted
        } ?? shares.count - 1) + 1
    }
    if let minP = sampling.minP { count = min(count, shares.prefix { $0 >= minP }.count) }
    let kept = Set(order.prefix(max(count, 1)).map(\.index))
    candidates.removeAll { !kept.contains($0.index) }
  }

  /// One candidate, by softmax(logits / temperature); nil when a logit is NaN.
  private mutating func draw() -> Int? {
    let largest = Double(candidates.reduce(-Float.infinity) { max($0, $1.logit) })
    weights.removeAll(keepingCapacity: true)
    var total = 0.0
    for candidate in candidates {
      total += exp((Double(candidate.logit) - largest) / temperature)
      weights.append(total)
    }
    guard total.isFinite, total > 0 else { return nil }
    let target = generator.unit() * total
    let position = weights.firstIndex { $0 > target } ?? candidates.count - 1
    return candidates[position].index
  }
}

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Evenly from [0, 1), 53 bits.
  mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
