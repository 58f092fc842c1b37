import CKernels
import Tensors
import TestSupport
import Testing

/// Kernels of walks over columns: every instruction set gives what plain C gives, and scales of
/// groups are never worse than those of the extremes.
@Suite struct WalkKernelTests {
  static let levels = (1...2).map { Int32($0) }.filter { $0 <= pare_best_level() }

  private static func numbers(_ count: Int, seed: UInt64, in range: ClosedRange<Float> = -1...1)
    -> [Float]
  {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { _ in Float.random(in: range, using: &random) }
  }

  /// Rows and columns of a block, n of m that stay.
  static let cases: [(rows: Int, columns: Int, n: Int, m: Int)] = [
    (1, 1, 0, 0), (16, 128, 0, 0), (7, 33, 2, 4), (16, 66, 3, 7), (3, 5, 1, 64),
  ]

  @Test(arguments: levels, cases)
  func everyLevelWalksAlike(
    _ level: Int32, _ c: (rows: Int, columns: Int, n: Int, m: Int)
  ) throws {
    func walk(_ level: Int32, hasGrid: Bool, hasMask: Bool) -> [UInt32] {
      var factor = Self.numbers(c.columns * c.columns, seed: 3)
      for j in 0..<c.columns { factor[j * c.columns + j] = 1 + abs(factor[j * c.columns + j]) }
      let (weights, sums) = (
        Self.numbers(c.rows * c.columns, seed: 4), Self.numbers(c.rows * c.columns, seed: 5)
      )
      let kept = Self.numbers(c.rows * c.columns, seed: 6).map { UInt8($0 > 0 ? 1 : 0) }
      let scales = Self.numbers(2 * c.rows, seed: 7, in: 0.1...0.3)
      let zeros = Self.numbers(2 * c.rows, seed: 8, in: 0...7).map { $0.rounded() }
      let groups = (0..<c.columns).map { UInt32($0 % 2) }
      let count = c.rows * c.columns
      var (results, differences) = (
        [Float](repeating: 0, count: count), [Float](repeating: 0, count: count)
      )
      var (scores, solved) = (results, weights)
      unsafe factor.withUnsafeBufferPointer { factor in
        unsafe scales.withUnsafeBufferPointer { scales in
          unsafe zeros.withUnsafeBufferPointer { zeros in
            unsafe groups.withUnsafeBufferPointer { groups in
              var block = unsafe pare_walk_block(
                factor: factor.baseAddress, stride: c.columns, columns: c.columns)
              var grid = unsafe pare_walk_grid(
                scales: scales.baseAddress, zeros: zeros.baseAddress, minima: nil, levels: nil,
                level_count: 0, groups: groups.baseAddress, stride: c.rows, low: 0, high: 7)
              unsafe withUnsafePointer(to: &grid) { grid in
                unsafe pare_walk(
                  level, &block, c.rows, weights, sums, c.columns, hasMask ? kept : nil, c.n, c.m,
                  hasGrid ? grid : nil, &results, &differences)
              }
              unsafe pare_walk_scores(
                level, &block, c.rows, weights, sums, c.columns, &scores)
              for back in [Int32(0), 1] {
                unsafe pare_solve_rows(level, &block, back, c.rows, &solved, c.columns)
              }
            }
          }
        }
      }
      return (results + differences + scores + solved).map(\.bitPattern)
    }
    for (hasGrid, hasMask) in [(false, false), (true, false), (false, true), (true, true)] {
      let (found, plain) = (
        walk(level, hasGrid: hasGrid, hasMask: hasMask),
        walk(0, hasGrid: hasGrid, hasMask: hasMask)
      )
      #expect(found == plain)
    }
  }

  @Test(arguments: levels, [(1, 1, 1), (4, 4, 8), (9, 6, 37), (33, 31, 70)])
  func everyLevelSubtractsAlike(_ level: Int32, _ size: (m: Int, n: Int, k: Int)) {
    let (a, b) = (
      Self.numbers(size.m * size.k, seed: 1).map(Double.init),
      Self.numbers(size.n * size.k, seed: 2).map(Double.init)
    )
    func subtracted(_ level: Int32) -> [Double] {
      var c = [Double](repeating: 1, count: size.m * size.n)
      unsafe pare_subtract_rows(
        level, size.m, size.n, size.k, a, size.k, b, size.k, &c, size.n)
      return c
    }
    let found = subtracted(level)
    #expect(found == subtracted(0))
    for i in 0..<size.m {
      for j in 0..<size.n {
        let sum = (0..<size.k).reduce(0) { $0 + a[i * size.k + $1] * b[j * size.k + $1] }
        #expect(abs(found[i * size.n + j] - (1 - sum)) < 1e-12)
      }
    }
  }

  /// In no group, whether errors count alike or not.
  @Test(arguments: [Quantization.Levels.affine(bits: 2), .affine(bits: 4), .symmetric(bits: 3)])
  func weightedScalesAreNeverWorse(_ levels: Quantization.Levels) throws {
    let (rows, columns) = (9, 70)
    let values = Self.numbers(rows * columns, seed: 9, in: -0.5...1).map { $0 * $0 * $0 }
    let tensor = Tensor([rows, columns], values)
    for importance in [
      [Float](repeating: 1, count: columns), Self.numbers(columns, seed: 10, in: 0...3),
    ] {
      let plain = try #require(
        Quantization.grid(
          for: tensor, levels: levels, groupSize: 16, rule: .largestMagnitude))
      let fitted = try #require(
        Quantization.grid(for: tensor, levels: levels, groupSize: 16, importance: importance))
      #expect(plain.codes == fitted.codes && plain.scales.count == fitted.scales.count)
      func errors(_ grid: QuantizationGrid) throws -> [Double] {
        let rounded = try #require(Quantization.apply(grid, to: tensor)).tensor.array
        var errors = [Double](repeating: 0, count: grid.scales.count)
        for index in values.indices {
          let column = index % columns
          let error = Double(values[index] - rounded[index])
          errors[index / columns * 5 + column / 16] += Double(importance[column]) * error * error
        }
        return errors
      }
      for (better, worse) in zip(try errors(fitted), try errors(plain)) {
        #expect(better <= worse * (1 + 1e-5) + 1e-12)
      }
    }
  }
}
