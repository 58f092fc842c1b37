import Compression
import Jobs
import Tensors
import TestSupport
import Testing

@Suite struct QuantizeTests {
  private func quantize(_ change: (inout Quantize) -> Void) -> Quantize {
    var pass = Quantize()
    change(&pass)
    return pass
  }

  @Test func symmetricRoundsHalvesToEven() throws {
    // Scale 7/7 = 1.
    let model = SmallModel.layer([1, 8], [7, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, -6.9])
    let after = try Quantize().run(on: model)
    #expect(try after.values() == [7, 0, 2, 2, 0, -2, -2, -7])
    let grid = try #require(after.first?.grid)
    #expect(grid == QuantizationGrid(bits: 4, codes: -8...7, groupSize: 8, scales: [1]))
  }

  @Test func affineHasZeroWithin() throws {
    let pass = quantize { ($0.scheme, $0.bits) = (.affine, 2) }
    let after = try pass.run(on: SmallModel.layer([2, 4], [-1, 0, 1, 2, 3, 4, 5, 6]))
    #expect(try after.values() == [-1, 0, 1, 2, 4, 4, 4, 6])
    #expect(
      after.first?.grid
        == QuantizationGrid(
          bits: 2, codes: 0...3, groupSize: 4, scales: [1, 2], zeros: [1, 0]))
  }

  @Test func oneBit() throws {
    let model = SmallModel.layer([1, 4], [-1, 0, 2, 5])
    let symmetric = try quantize { $0.bits = 1 }.run(on: model)
    #expect(try symmetric.values() == [-2, 2, 2, 2])
    #expect(symmetric.first?.grid?.isBinary == true)
    let affine = try quantize { ($0.scheme, $0.bits) = (.affine, 1) }.run(on: model)
    #expect(try affine.values() == [0, 0, 0, 6])
  }

  @Test func ternaryByTheMeanAndByLeastError() throws {
    let model = SmallModel.layer([1, 6], [4, -4, 1, -1, 1, 1])
    let mean = try quantize { $0.scheme = .ternary }.run(on: model)
    #expect(try mean.values() == [2, -2, 0, 0, 0, 0])
    let least = try quantize { ($0.scheme, $0.scale) = (.ternary, .mse) }.run(on: model)
    #expect(try least.values() == [4, -4, 0, 0, 0, 0])
    #expect(least.first?.grid?.codes == -1...1 && least.first?.grid?.bits == 2)
  }

  @Test func prunedWeightsAreNoPartOfAMean() throws {
    let mask = Mask(shape: [1, 4], words: [0b1011])
    let model = SmallModel.layer([1, 4], [3, -1, 0, 2], mask: mask)
    let binary = try quantize { $0.scheme = .binary }.run(on: model)
    #expect(try binary.values() == [2, -2, 0, 2])
    #expect(binary.first?.mask == mask)
    let ternary = try quantize { $0.scheme = .ternary }.run(on: model)
    #expect(try ternary.values() == [2, 0, 0, 2])
  }

  @Test func aShortGroupEndsEachRow() throws {
    let pass = quantize { ($0.granularity, $0.groupSize) = (.group, 3) }
    let model = SmallModel.layer([2, 4], [7, 1, 2, 14, 21, 3, 6, 28])
    let after = try pass.run(on: model)
    #expect(after.first?.grid?.scales == [1, 2, 3, 4])
    #expect(after.first?.grid?.groupSize == 3)
    #expect(try after.values() == [7, 1, 2, 14, 21, 3, 6, 28])
    let wide = quantize { ($0.granularity, $0.groupSize) = (.group, 64) }
    #expect(try wide.run(on: model).first?.grid == Quantize().run(on: model).first?.grid)
  }

  @Test func oneScaleATensor() throws {
    let pass = quantize { $0.granularity = .tensor }
    let after = try pass.run(on: SmallModel.layer([2, 2], [7, 3.4, -1, 0]))
    #expect(try after.values() == [7, 3, -1, 0])
    #expect(after.first?.grid?.groupSize == 4 && after.first?.grid?.scales == [1])
  }

  /// All but blocks, whose rows are not of any length.
  static let groupedSchemes = Quantize.Scheme.allCases.filter { $0 != .blocks }

  @Test(arguments: groupedSchemes, Quantize.Granularity.allCases)
  func zerosStayZeros(_ scheme: Quantize.Scheme, _ granularity: Quantize.Granularity) throws {
    let model = SmallModel.layer([2, 3], [0, -0.0, 0, 0, 0, 0])
    for scale in Quantize.Fit.allCases {
      let pass = quantize { ($0.scheme, $0.granularity, $0.scale) = (scheme, granularity, scale) }
      let values = try pass.run(on: model).values()
      #expect(values.allSatisfy { $0.bitPattern == 0 })
    }
  }

  @Test(
    arguments: groupedSchemes,
    [
      Float.leastNonzeroMagnitude, Float(sign: .plus, exponent: -140, significand: 1.5), 2e-38,
      3e38,
    ])
  func extremesStayFinite(_ scheme: Quantize.Scheme, _ size: Float) throws {
    let weights: [Float] = [size, -size, size / 2, 0, -size / 3, size]
    for bits in 1...8 {
      for scale in Quantize.Fit.allCases {
        let pass = quantize { ($0.scheme, $0.bits, $0.scale) = (scheme, bits, scale) }
        let after = try pass.run(on: SmallModel.layer([1, 6], weights))
        let grid = try #require(after.first?.grid)
        #expect(grid.scales.allSatisfy { $0.isFinite && $0 > 0 })
        #expect(try after.values().allSatisfy(\.isFinite))
      }
    }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func whatIsNotFiniteIsNamed(_ value: Float) throws {
    let model = SmallModel.layer([2, 3], [1, 2, 3, 4, value, value])
    #expect(
      throws: PassError("w has a weight that is no finite number, at [1, 1]")
    ) { try Quantize().run(on: model) }
  }

  @Test func oneColumnRows() throws {
    let model = SmallModel.layer([3, 1], [1, -2, 0.5])
    #expect(try Quantize().run(on: model).values() == [1, -2, 0.5])
  }

  /// Rounding what is rounded moves no weight by more than the scale's own
  /// rounding: the largest magnitude, and so the scale, stays.
  @Test(arguments: [2, 3, 4, 8])
  func quantizingTwiceIsQuantizingOnce(_ bits: Int) throws {
    let pass = quantize { ($0.bits, $0.granularity, $0.groupSize) = (bits, .group, 16) }
    let once = try pass.run(on: SmallModel.normal([16, 64]))
    let twice = try pass.run(on: once)
    for (a, b) in zip(try once.values(), try twice.values()) {
      #expect(abs(a - b) <= 2 * a.ulp)
    }
  }

  /// More bits, or more scales, never lose more; neither does the search.
  @Test func moreIsNotWorse() throws {
    let model = SmallModel.normal([32, 128])
    func error(_ change: (inout Quantize) -> Void) throws -> Double {
      try Comparison(of: model, with: quantize(change).run(on: model), in: JobContext()).total.error
    }
    for scheme in [Quantize.Scheme.symmetric, .affine] {
      let byBits = try (2...8).map { bits in
        try error { ($0.scheme, $0.bits) = (scheme, bits) }
      }
      #expect(byBits == byBits.sorted(by: >))
    }
    for scheme in Self.groupedSchemes {
      for granularity in Quantize.Granularity.allCases {
        for bits in 1...8 {
          let absmax = try error {
            ($0.scheme, $0.bits, $0.granularity) = (scheme, bits, granularity)
          }
          let mse = try error {
            ($0.scheme, $0.bits, $0.granularity) = (scheme, bits, granularity)
            $0.scale = .mse
          }
          #expect(mse <= absmax)
        }
      }
    }
  }

  /// The best ternary scale by trying every possible set of kept weights.
  @Test(arguments: 1...20)
  func ternarySearchFindsTheOptimum(_ seed: UInt64) throws {
    let model = SmallModel.normal([1, 64], seed: seed)
    let pass = quantize { ($0.scheme, $0.scale) = (.ternary, .mse) }
    let found = try Comparison(of: model, with: pass.run(on: model), in: JobContext()).total
    let sizes = try model.values().map { Double(abs($0)) }.sorted(by: >)
    var sum = 0.0
    var gain = 0.0
    for (index, size) in sizes.enumerated() {
      sum += size
      gain = max(gain, sum * sum / Double(index + 1))
    }
    let least = sizes.reduce(0) { $0 + $1 * $1 } - gain
    #expect(abs(found.squaredError - least) <= 1e-6 * least)
  }

  /// Every weight goes to the level nearest to it.
  @Test(arguments: [Quantize.Scheme.symmetric, .affine, .ternary], Quantize.Fit.allCases)
  func weightsGoToTheNearestLevel(_ scheme: Quantize.Scheme, _ scale: Quantize.Fit) throws {
    let model = SmallModel.normal([4, 32])
    let pass = quantize { ($0.scheme, $0.bits, $0.scale) = (scheme, 3, scale) }
    let after = try pass.run(on: model)
    let grid = try #require(after.first?.grid)
    let values = try after.values()
    for (index, weight) in try model.values().enumerated() {
      let group = index / 32
      let zero = grid.zeros.isEmpty ? 0 : Int(grid.zeros[group])
      let nearest = grid.codes.map { abs(weight - grid.scales[group] * Float($0 - zero)) }.min()
      #expect(abs(weight - values[index]) <= (nearest ?? 0) * (1 + 1e-5) + weight.ulp)
    }
  }

  @Test func titles() {
    #expect(Quantize().title == "quantize int4 · channel")
    #expect(quantize { $0.granularity = .group }.title == "quantize int4 · group 64")
    #expect(
      quantize { ($0.scheme, $0.scale) = (.ternary, .mse) }.title
        == "quantize ternary · channel · mse")
    #expect(quantize { ($0.scheme, $0.bits) = (.affine, 8) }.title == "quantize uint8 · channel")
  }
}
