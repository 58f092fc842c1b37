internal import Glibc

/// Draws tokens from logits.
struct Sampler {
  private let temperature: Double
  private let topK: Int?
  private var generator: SeededGenerator
  private var candidates: [(index: Int, logit: Float)] = []
  private var weights: [Double] = []

  /// Temperature 0 takes the likeliest token; `topK` leaves only the likeliest.
  init(temperature: Double, topK: Int?, seed: UInt64) throws {
    guard temperature.isFinite, temperature >= 0 else {
      throw NetworkError.badSetting("The temperature must be 0 or more, not \(temperature).")
    }
    if let topK, topK < 1 {
      throw NetworkError.badSetting("Top-k must be 1 or more, not \(topK).")
    }
    self.temperature = temperature
    self.topK = topK
    generator = SeededGenerator(seed: seed)
  }

  /// The next token. Ties go to the lower number.
  mutating func next(_ logits: UnsafeBufferPointer<Float>) -> Int {
    if temperature == 0 { return unsafe Sampler.likeliest(logits) }
    if let topK, topK < logits.count {
      unsafe chooseCandidates(topK, logits)
    } else {
      candidates = unsafe logits.enumerated().map { ($0.offset, $0.element) }
    }
    return unsafe draw() ?? Sampler.likeliest(logits)
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
