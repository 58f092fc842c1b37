import Tensors
import TestSupport

/// Seeded weights for tests.
enum Weights {
  /// Sizes around the kernels' steps: 16 lanes, words of 64 bits, chunks.
  static let sizes = Array(0...130) + [1023, 1024, 1025, 65_535, 65_536, 65_537, 200_001]

  /// About Gaussian, of standard deviation `scale`.
  static func gaussian(_ count: Int, seed: UInt64, scale: Float = 0.02) -> [Float] {
    var generator = SplitMix64(seed: seed)
    return (0..<count).map { _ in
      let sum = (0..<4).reduce(Float(0)) { sum, _ in
        sum + Float.random(in: -1...1, using: &generator)
      }
      return sum * scale * 0.866
    }
  }

  /// Gaussian with everything odd among it: NaNs, infinities, both zeros,
  /// subnormal and huge numbers, and many ties.
  static func wild(_ count: Int, seed: UInt64) -> [Float] {
    let odd: [Float] = [
      .nan, -.nan, .infinity, -.infinity, 0, -0.0, .leastNonzeroMagnitude,
      -Float.leastNormalMagnitude / 8, 3e38, -3e38,
      0.5, -0.5,
    ]
    var generator = SplitMix64(seed: seed)
    return gaussian(count, seed: seed &+ 1, scale: 1).map { value in
      Int.random(in: 0..<4, using: &generator) == 0
        ? odd[Int.random(in: 0..<odd.count, using: &generator)] : value
    }
  }

  /// Every bit pattern equally often.
  static func patterns(_ count: Int, seed: UInt64) -> [Float] {
    var generator = SplitMix64(seed: seed)
    return (0..<count).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: generator.next())) }
  }

  /// A matrix of one row.
  static func tensor(_ values: [Float]) -> Tensor { Tensor([values.count], values) }

  /// The bits of floats, for comparisons in which NaN equals itself.
  static func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }
}
