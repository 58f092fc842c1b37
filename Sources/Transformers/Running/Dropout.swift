package import Backend

/// Where and how much is dropped in one pass over some sequences.
package struct Dropout {
  /// What dropout is applied to.
  package enum Site: UInt64 {
    case embedding, attention, attentionOutput, mlpOutput
  }

  /// Share of the values that go, 0..<1.
  package let rate: Float
  /// Another for every step and every piece of a batch.
  package let seed: UInt64

  package init(rate: Float, seed: UInt64) {
    self.rate = rate
    self.seed = seed
  }

  /// The rule for one place of the network; `part` tells sequences apart where
  /// each is dropped on its own.
  package func rule(_ site: Site, block: Int = 0, part: Int = 0) -> DropoutRule {
    guard rate > 0 else { return .none }
    let place = site.rawValue << 48 | UInt64(block) << 32 | UInt64(part)
    let key = CounterHash.mix(seed ^ CounterHash.mix(place))
    return DropoutRule(rate: rate, seed: UInt32(truncatingIfNeeded: key >> 32))
  }
}

/// Random numbers without a state: a hash of what they are for.
package enum CounterHash {
  /// The finalizer of SplitMix64 (Steele, Lea and Flood, 2014): every bit of the
  /// result depends on every bit of `value`.
  package static func mix(_ value: UInt64) -> UInt64 {
    var z = value &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
