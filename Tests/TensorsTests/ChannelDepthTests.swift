import Foundation
import Tensors
import TestSupport
import Testing

/// Grids on which every row has a bit depth and an exponent of its own.
@Suite struct ChannelDepthTests {
  /// Section 1.2 of the algorithms: the codes on both sides of every jump.
  @Test(
    arguments: [
      (0, 0...0), (1e-6, -1...0), (0.01, -1...0), (1, -1...0), (1.58, -1...0), (1.59, -2...1),
      (2, -2...1), (2.32, -2...1), (2.33, -3...2), (2.8, -3...2), (2.81, -4...3), (3, -4...3),
      (3.16, -4...3), (3.17, -5...4), (3.9, -7...6), (3.91, -8...7), (4, -8...7), (4.08, -8...7),
      (4.09, -9...8), (8, -128...127), (16, -32768...32767), (99, -32768...32767), (-1, 0...0),
      (.nan, 0...0),
    ] as [(Float, ClosedRange<Int>)])
  func codesOfADepth(depth: Float, codes: ClosedRange<Int>) {
    #expect(ChannelDepth.codes(of: depth) == codes)
  }

  @Test func theLeastDepthOfEachLevelCountIsItsJump() {
    #expect(ChannelDepth.least(forLevels: 0) == 0)
    #expect(ChannelDepth.least(forLevels: 1) == 0)
    #expect(ChannelDepth.codes(of: ChannelDepth.least(forLevels: 2)).count == 2)
    for count in stride(from: 4, through: 512, by: 2) {
      let depth = ChannelDepth.least(forLevels: count)
      #expect(ChannelDepth.codes(of: depth).count == count)
      #expect(ChannelDepth.codes(of: depth.nextDown).count == count - 2)
      #expect(ChannelDepth.least(forLevels: count - 1) == depth)
      #expect(abs(Double(depth) - log2(Double(count - 1))) < 1e-6)
    }
    #expect(ChannelDepth.least(forLevels: 1 << 20) <= ChannelDepth.largest)
  }

  @Test func scalesArePowersOfTwo() {
    for exponent in stride(from: Float(-100), through: 100, by: 0.37) {
      let scale = ChannelDepth.scale(ofExponent: exponent)
      #expect(abs(Double(scale) / exp2(Double(exponent)) - 1) < 0x1p-23)
    }
    for exponent in -100...100 {
      #expect(
        ChannelDepth.scale(ofExponent: Float(exponent))
          == Float(sign: .plus, exponent: exponent, significand: 1))
    }
    #expect(ChannelDepth.scale(ofExponent: 1e30) == 0x1p100)
  }

  /// Equation 1 of the paper, one weight at a time.
  @Test(arguments: [1, 37, 384], [1, 2, 3] as [UInt64])
  func roundingFollowsTheEquation(columns: Int, seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let rows = 97
    let depths = (0..<rows).map { _ in Float.random(in: -1...8, using: &random) }
    let exponents = (0..<rows).map { _ in Float.random(in: -9 ... -4, using: &random) }
    let grid = QuantizationGrid(depths: depths, exponents: exponents, columns: columns)
    let tensor = Tensor([rows, columns], Weights.gaussian(rows * columns, seed: seed))
    let rounded = try #require(Quantization.apply(grid, to: tensor)).tensor
    for (index, weight) in tensor.array.enumerated() {
      let row = index / columns
      let scale = grid.scales[row]
      let half = exp2(Double(depths[row]) - 1)
      let held = min(max(Double(weight / scale), -half), half - 1)
      let code = depths[row] > 0 ? Float(held.rounded(.toNearestOrEven)) : 0
      #expect(rounded.array[index] == scale * code)
      #expect(grid.codeRange(ofRow: row).contains(Int(code)))
    }
    let again = try #require(Quantization.apply(grid, to: rounded))
    #expect(again.tensor.array == rounded.array && again.squaredError == 0)
  }

  @Test func rowsTellTheirBits() {
    let grid = QuantizationGrid(
      depths: [0, 1, 1.6, 2, 2.4, 3, 4, -3, .nan], exponents: [5, -6, -6, -6, -6, -6, -6, -6, 1],
      columns: 10)
    #expect(grid.depths.indices.map { grid.codeBits(ofRow: $0) } == [0, 1, 2, 2, 3, 3, 4, 0, 0])
    #expect(grid.bits == 4 && grid.codes == -8...7 && grid.groupSize == 10)
    #expect(grid.depths == [0, 1, 1.6, 2, 2.4, 3, 4, 0, 0])
    #expect(grid.exponents == [0, -6, -6, -6, -6, -6, -6, 0, 0])
    #expect(grid.scales[0] == 1 && grid.scales[1] == 0x1p-6)
    #expect(abs(grid.meanCodeBits - 15.0 / 9) < 1e-12)
  }

  @Test func condensedGridsHaveTheSameCodes() {
    var random = SplitMix64(seed: 8)
    let depths = (0..<500).map { _ in Float.random(in: -0.5...9, using: &random) }
    let exponents = depths.map { _ in Float.random(in: -9...1, using: &random) }
    let grid = QuantizationGrid(depths: depths, exponents: exponents, columns: 3)
    let condensed = grid.condensed()
    for row in depths.indices {
      #expect(condensed.codeRange(ofRow: row) == grid.codeRange(ofRow: row))
      #expect(abs(condensed.depths[row] - grid.depths[row]) <= 1.5 / 256)
      #expect(abs(condensed.exponents[row] - grid.exponents[row]) <= 0.5 / 32)
    }
    #expect(condensed.condensed() == condensed)
  }

  @Test func noRowsAndDeadRowsAreLegal() throws {
    #expect(QuantizationGrid(depths: [], exponents: [], columns: 0).hasDepths == false)
    let dead = QuantizationGrid(depths: [0, 0], exponents: [0, 0], columns: 3)
    let tensor = Tensor([2, 3], [1, -1, 0.5, 2, -0.0, 1e30])
    #expect(try #require(Quantization.apply(dead, to: tensor)).tensor.array == [0, 0, 0, 0, 0, 0])
  }
}
