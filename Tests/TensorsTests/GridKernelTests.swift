import CKernels
import Tensors
import TestSupport
import Testing

/// Codes of a grid are the same whatever instructions made them, and packing is what its
/// definition says.
@Suite struct GridKernelTests {
  private static let levels = [PARE_PLAIN, PARE_AVX2, PARE_AVX512].map { Int32($0) }
    .filter { $0 <= pare_best_level() }

  /// Code i is bits i × bits … (i + 1) × bits − 1 of the bytes.
  @Test(arguments: 1...8) func packingIsItsDefinition(bits: Int) {
    var random = SplitMix64(seed: UInt64(bits))
    for count in [0, 1, 7, 8, 9, 63, 64, 65, 1001] {
      let codes = (0..<count).map { _ in
        UInt8.random(in: 0...UInt8.max >> UInt8(8 - bits), using: &random)
      }
      var expected = [UInt8](repeating: 0, count: (count * bits + 7) / 8)
      for (index, code) in codes.enumerated() {
        for bit in 0..<bits where code >> UInt8(bit) & 1 == 1 {
          let place = index * bits + bit
          expected[place / 8] |= 1 << UInt8(place % 8)
        }
      }
      for level in Self.levels {
        var packed = [UInt8](repeating: 0xAA, count: expected.count + 1)
        unsafe pare_pack_codes(level, codes, count, Int32(bits), &packed)
        #expect(packed.dropLast() == expected[...], "level \(level), \(count) codes")
        #expect(packed.last == 0xAA, "nothing is written behind them")
        var again = [UInt8](repeating: 0xAA, count: count + 1)
        unsafe pare_unpack_codes(level, expected, count, Int32(bits), &again)
        #expect(again.dropLast() == codes[...] && again.last == 0xAA)
      }
    }
  }

  @Test(arguments: [false, true]) func everyInstructionSetGivesTheSameCodes(isBinary: Bool) {
    let codec = pare_codec(scale: 0.037, shift: -8, highest: 15, binary: isBinary ? 1 : 0)
    for seed in 1...3 as ClosedRange<UInt64> {
      let values =
        Weights.gaussian(517, seed: seed) + Weights.patterns(517, seed: seed)
        + [.nan, .infinity, -.infinity, 0, -0.0, .leastNonzeroMagnitude]
      var results: [([UInt8], [UInt32], Int32)] = []
      for level in Self.levels {
        var codes = [UInt8](repeating: 0, count: values.count)
        unsafe pare_grid_codes(level, codec, values, values.count, &codes)
        var again = [Float](repeating: 0, count: values.count)
        unsafe pare_grid_values(level, codec, codes, codes.count, &again)
        // What a grid gives is on it, and what stands between is not.
        #expect(unsafe pare_grid_misses(level, codec, again, again.count) == 0)
        let misses = unsafe pare_grid_misses(level, codec, values, values.count)
        results.append((codes, again.map(\.bitPattern), misses))
      }
      for result in results {
        #expect(result == results[0], "seed \(seed)")
        #expect(result.2 == 1)
        #expect(result.0.allSatisfy { $0 <= 15 })
      }
    }
  }
}
