internal import CKernels

/// Where and how much is dropped in one pass over some sequences.
struct Dropout {
  /// What dropout is applied to.
  enum Site: UInt64 {
    case embedding, attention, attentionOutput, mlpOutput
  }

  /// Share of the values that go, 0..<1.
  let rate: Float
  /// Another for every step and every piece of a batch.
  let seed: UInt64

  /// The rule for one place of the network; `part` tells sequences apart where
  /// each is dropped on its own.
  func rule(_ site: Site, block: Int = 0, part: Int = 0) -> pare_dropout_rule {
    guard rate > 0 else { return pare_dropout_rule(seed: 0, threshold: 0, scale: 1) }
    let place = site.rawValue << 48 | UInt64(block) << 32 | UInt64(part)
    let key = CounterHash.mix(seed ^ CounterHash.mix(place))
    let threshold = UInt32(min(Double(rate) * 0x1p32, 0x1p32 - 1))
    return pare_dropout_rule(
      seed: UInt32(truncatingIfNeeded: key >> 32), threshold: threshold, scale: 1 / (1 - rate))
  }
}

/// Random numbers without a state: a hash of what they are for.
enum CounterHash {
  /// The finalizer of SplitMix64 (Steele, Lea and Flood, 2014): every bit of the
  /// result depends on every bit of `value`.
  static func mix(_ value: UInt64) -> UInt64 {
    var z = value &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
