import CKernels
import Tensors
import TestSupport
import Testing

/// Blocks and bitmaps are the same bytes whatever instructions made them.
@Suite struct BlockLevelTests {
  private static let levels = [PARE_PLAIN, PARE_AVX2, PARE_AVX512].map { Int32($0) }
    .filter { $0 <= pare_best_level() }
  private static let writable = BlockFormat.allCases.filter(\.isWritable)

  /// Weights of several kinds: as models have them, any bits, all the same, ternary, and
  /// so small or large that scales are subnormal or infinite.
  private func sets(_ count: Int, seed: UInt64) -> [(String, [Float])] {
    let gaussian = Weights.gaussian(count, seed: seed)
    return [
      ("gaussian", gaussian),
      ("positive", gaussian.map(abs)),
      ("wild", Weights.wild(count, seed: seed)),
      ("any bits", Weights.patterns(count, seed: seed)),
      ("zeros", [Float](repeating: 0, count: count)),
      ("negative zeros", [Float](repeating: -0.0, count: count)),
      ("NaN", [Float](repeating: .nan, count: count)),
      ("infinite", [Float](repeating: -.infinity, count: count)),
      ("equal", [Float](repeating: -0.3, count: count)),
      ("ternary", gaussian.map { ($0 * 60).rounded(.towardZero) * 0.25 }),
      ("subnormal", gaussian.map { $0 * 1e-37 }),
      ("tiny", gaussian.map { $0 * 1e-13 }),
      ("huge", gaussian.map { $0 * 1e38 }),
      ("one large", gaussian.enumerated().map { $0.offset % 97 == 5 ? 40 : $0.element }),
    ]
  }

  @Test(arguments: writable) func everyInstructionSetQuantizesTheSame(format: BlockFormat) {
    // One block, odd numbers of them, and so many that pairs and rests both come.
    for (blocks, seed) in [(0, 30), (1, 31), (3, 32), (35, 33)] as [(Int, UInt64)] {
      let count = blocks * format.weightCount
      for (name, values) in sets(count, seed: seed) {
        let results = Self.levels.map { level -> [UInt8] in
          let size = blocks * format.byteCount
          // What is not written would show.
          var bytes = [UInt8](repeating: 0xAA, count: size + 1)
          // At no boundary.
          let shifted = [0] + values
          unsafe shifted.withUnsafeBufferPointer { values in
            unsafe pare_quantize_blocks(
              level, format.kernelFormat, values.baseAddress.map { unsafe $0 + 1 }, count, &bytes)
          }
          #expect(bytes[size] == 0xAA, "\(name), seed \(seed): nothing behind the blocks")
          return bytes
        }
        for (level, bytes) in zip(Self.levels, results).dropFirst() {
          #expect(bytes == results[0], "\(name), seed \(seed), level \(level)")
        }
      }
    }
  }

  /// With importance as texts give it, and with none, too much and NaN in it.
  @Test(arguments: writable.filter(\.isWeighted))
  func everyInstructionSetWeighsTheSame(format: BlockFormat) {
    for (blocks, seed) in [(0, 34), (1, 35), (3, 36), (19, 37)] as [(Int, UInt64)] {
      let columns = blocks * format.weightCount
      let even = Weights.gaussian(columns, seed: seed).map { $0 * $0 }
      let odd = Weights.wild(columns, seed: seed + 10).map(abs)
      for (name, values) in sets(2 * columns, seed: seed) {
        for importance in [even, odd, [Float](repeating: 0, count: columns)] {
          let results = Self.levels.map { level -> [UInt8] in
            let size = 2 * blocks * format.byteCount
            var bytes = [UInt8](repeating: 0xAA, count: size + 1)
            unsafe pare_quantize_weighted(
              level, format.kernelFormat, values, importance, 2, columns, &bytes)
            #expect(bytes[size] == 0xAA, "\(name), seed \(seed): nothing behind the blocks")
            return bytes
          }
          for (level, bytes) in zip(Self.levels, results).dropFirst() {
            #expect(bytes == results[0], "\(name), seed \(seed), level \(level)")
          }
        }
      }
    }
  }

  /// Bitmaps of several densities, whose last word has bits behind the end.
  @Test(arguments: [(0.0, 40), (0.03, 41), (0.5, 42), (0.97, 43), (1.0, 44)] as [(Double, UInt64)])
  func everyInstructionSetGathersAndScattersTheSame(density: Double, seed: UInt64) {
    for size in Array(0...130) + [255, 256, 257, 1000, 70_001] {
      let values = Weights.wild(size, seed: seed)
      var random = SplitMix64(seed: seed)
      let words = (0..<size / 64 + 1).map { _ in
        (0..<64).reduce(UInt64(0)) { word, bit in
          Double.random(in: 0..<1, using: &random) < density ? word | 1 << UInt64(bit) : word
        }
      }
      let kept = (0..<size).filter { words[$0 / 64] >> UInt64($0 % 64) & 1 == 1 }
      let gathered = kept.map { values[$0].bitPattern }
      var scattered = [UInt32](repeating: 0, count: size)
      for index in kept { scattered[index] = values[index].bitPattern }
      for level in Self.levels {
        // Room for as many as there are and one behind, which stays.
        var out = [Float](repeating: 7, count: kept.count + 1)
        unsafe pare_gather(level, values, size, words, &out)
        #expect(
          Weights.bits(out) == gathered + [Float(7).bitPattern], "level \(level), seed \(seed)")
        var back = [Float](repeating: 7, count: size + 1)
        unsafe pare_scatter(level, out, size, words, &back)
        #expect(
          Weights.bits(back) == scattered + [Float(7).bitPattern], "level \(level), seed \(seed)")
      }
    }
  }
}
