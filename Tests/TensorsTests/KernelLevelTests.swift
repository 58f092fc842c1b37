import CKernels
import Tensors
import TestSupport
import Testing

/// Every instruction set gives the bytes that plain C gives.
@Suite struct KernelLevelTests {
  private static let levels = [PARE_PLAIN, PARE_AVX2, PARE_AVX512].map { Int32($0) }
    .filter { $0 <= pare_best_level() }
  private static let kinds = [PARE_F32, PARE_BF16, PARE_F16].map { Int32($0) }
  private static let sizes = Array(0...130) + [255, 256, 257, 1000, 70_001]

  /// What each level gives must be equal.
  private func expectEqual<Result: Equatable>(_ body: (Int32) -> Result) {
    let plain = body(Self.levels[0])
    for level in Self.levels.dropFirst() { #expect(body(level) == plain) }
  }

  /// Any bits, as numbers of a kind; for f32 and bf16 also tame ones.
  private func bytes(_ kind: Int32, _ count: Int, tame: Bool) -> [UInt8] {
    let dtype: DType = kind == PARE_F32 ? .f32 : kind == PARE_BF16 ? .bf16 : .f16
    let values = tame ? Weights.gaussian(count, seed: 1) : Weights.patterns(count, seed: 2)
    return [0] + Weights.tensor(values).bytes(as: dtype)
  }

  @Test(arguments: kinds, [true, false])
  func scansAgree(kind: Int32, tame: Bool) {
    for size in Self.sizes {
      let bytes = bytes(kind, size, tame: tame)
      expectEqual { level -> [UInt64] in
        var words = [UInt64](repeating: 0, count: size / 64 + 1)
        var moments = pare_moments()
        // One byte in: at no boundary.
        unsafe bytes.withUnsafeBytes {
          unsafe pare_scan(
            level, kind, $0.baseAddress.map { unsafe $0 + 1 }, size, 0.01, 32, 0x3c00_0000,
            &words, &moments)
        }
        let sums = [moments.sum1, moments.sum2, moments.sum3, moments.sum4].map(\.bitPattern)
        let extremes = [moments.minimum, moments.maximum].map { UInt64(($0 + 0).bitPattern) }
        return words + sums + extremes + [moments.finite, moments.nan, moments.zero]
      }
    }
  }

  @Test(arguments: kinds, [1, 63, 64, 65, 5000])
  func histogramsAgree(kind: Int32, bins: Int) {
    for size in Self.sizes {
      let bytes = bytes(kind, size, tame: false)
      expectEqual { level -> [UInt64] in
        var counts = [UInt64](repeating: 0, count: bins)
        var outside = [UInt64](repeating: 0, count: 3)
        unsafe bytes.withUnsafeBytes {
          unsafe pare_histogram(
            level, kind, $0.baseAddress.map { unsafe $0 + 1 }, size, -2, 1.5,
            Float(bins) / 3.5, UInt32(bins), 0, &counts, &outside)
        }
        return counts + outside
      }
    }
  }

  @Test func conversionsAgree() {
    let values = Weights.patterns(70_001, seed: 3)
    for kind in Self.kinds.dropFirst() {
      expectEqual { level -> [UInt16] in
        var half = [UInt16](repeating: 0, count: values.count)
        unsafe pare_narrow(level, kind, values, &half, values.count)
        return half
      }
      let codes = (0...UInt16.max).map { $0 }
      expectEqual { level -> [UInt32] in
        var wide = [Float](repeating: 0, count: codes.count)
        unsafe pare_widen(level, kind, codes, &wide, codes.count)
        return Weights.bits(wide)
      }
    }
  }

  @Test func masksAgree() {
    for size in Self.sizes {
      let values = Weights.wild(size, seed: 4)
      for offset in [0, 1, 63] {
        expectEqual { level -> [UInt64] in
          var words = [UInt64](repeating: 0, count: size / 64 + 2)
          let half = Int32(bitPattern: Float(0.5).bitPattern)
          let ties = unsafe pare_mask(level, values, size, half, half, &words, offset)
          var applied = [Float](repeating: 1, count: size + 1)
          unsafe pare_apply_mask(level, values, size, words, offset, &applied, 0)
          return words + [UInt64(ties)] + applied.map { UInt64($0.bitPattern) }
        }
      }
      expectEqual { level -> [UInt64] in
        var words = [UInt64](repeating: .max, count: size / 64 + 1)
        unsafe pare_stored(level, values, size, &words)
        var pruned = values
        for index in values.indices where index % 3 == 0 { pruned[index] = -0.0 }
        let kept = words.indices.map { word in
          (0..<64).reduce(UInt64(0)) { $0 | ((word * 64 + $1) % 3 == 0 ? 0 : 1) << UInt64($1) }
        }
        var results = words
        for changed in [nil, 0, size / 2, size - 1] where changed.map({ $0 < size }) ?? true {
          if let changed, changed >= 0 { pruned[changed] = 7 }
          results.append(UInt64(unsafe pare_are_pruned(level, pruned, values, kept, size)))
          results.append(UInt64(unsafe pare_are_pruned(level, values, values, nil, size)))
        }
        return results
      }
      expectEqual { level -> [UInt64] in
        var words = [UInt64](repeating: .max, count: size / 64 + 1)
        var (inside, below) = ([Float](repeating: 0, count: size + 1), 0)
        var places = [UInt32](repeating: 0, count: size + 1)
        let taken = unsafe pare_collect(
          level, values, size, 0x3e00_0000, 0x3f80_1234, &words, &inside, &places, &below)
        #expect(inside[..<taken] == places[..<taken].map { values[Int($0)] }[...])
        return words + Weights.bits(inside).map(UInt64.init) + [UInt64(taken), UInt64(below)]
      }
      expectEqual { level -> [UInt32] in
        var high = [UInt32](repeating: 0, count: 4 << 15)
        var low = [UInt32](repeating: 0, count: 1 << 16)
        unsafe pare_count_high(level, values, size, &high)
        unsafe pare_count_low(level, values, size, 0x3f00, &low)
        return high + low
      }
    }
  }

  @Test func quantizersAgree() {
    for size in Self.sizes {
      let values = Weights.wild(size, seed: 5)
      let other = Weights.wild(size, seed: 6)
      expectEqual { level -> [UInt64] in
        var out = [Float](repeating: 0, count: size + 1)
        var errors = [0.0, 0.0, 0.0]
        let error = unsafe pare_quantize(level, values, size, 0.1, 3, 0, 15, &out)
        var results = out.map { UInt64($0.bitPattern) }
        let ternary = unsafe pare_ternarize(level, values, size, 0.3, 0.1, &out)
        results += out.map { UInt64($0.bitPattern) }
        unsafe pare_scale_errors(level, values, size, 0.1, 3, 0, 15, [1, 0.9, 0.5], 3, &errors)
        var (group, fit) = (pare_group(), pare_fit())
        unsafe pare_measure_group(level, values, size, &group)
        unsafe pare_fit_scale(level, values, size, 0.1, 3, 0, 15, &fit)
        var difference = pare_difference()
        unsafe pare_compare(level, values, other, size, &difference)
        var weighted = [0.0, 0.0]
        let importance = other.map { $0.isFinite ? min(abs($0), 10) : 1 }
        let finite = values.map { $0.isFinite ? min(max($0, -1e3), 1e3) : 0 }
        unsafe pare_weighted_errors(
          level, finite, importance, size, -8, 7, [0.1, 0.01], 2, &weighted)
        unsafe pare_weighted_errors(level, finite, nil, size, -8, 7, [0.1], 1, &weighted)
        errors += weighted
        errors += [error, ternary, fit.error, fit.products, fit.squares]
        errors += [group.sum_magnitude, group.sum_squares]
        errors += [difference.difference_squares, difference.product]
        results += [difference.nan_first, difference.nan_second, difference.nan_both]
        results += [
          difference.infinite_first, difference.infinite_second, difference.infinite_both,
        ]
        return results + errors.map(\.bitPattern) + [group.finite, difference.different]
      }
    }
  }
}
