import Tensors
import TestSupport
import Testing

@Suite struct SummaryTests {
  /// What a summary says, by two plain loops in f64.
  private func naive(_ values: [Float]) -> Summary {
    var summary = Summary()
    summary.count = values.count
    let finite = values.filter(\.isFinite).map(Double.init)
    summary.finiteCount = finite.count
    summary.nanCount = values.count { $0.isNaN }
    summary.infiniteCount = values.count { $0.isInfinite }
    summary.zeroCount = values.count { $0 == 0 }
    guard let low = finite.min(), let high = finite.max() else { return summary }
    let n = Double(finite.count)
    summary.minimum = Float(low)
    summary.maximum = Float(high)
    summary.mean = finite.reduce(0, +) / n
    let deviations = finite.map { $0 - summary.mean }
    let variance = deviations.reduce(0) { $0 + $1 * $1 } / n
    summary.standardDeviation = variance.squareRoot()
    summary.sumOfSquares = finite.reduce(0) { $0 + $1 * $1 }
    if low < high {
      summary.kurtosis =
        deviations.reduce(0) { $0 + $1 * $1 * $1 * $1 } / n / (variance * variance)
    }
    return summary
  }

  private func expect(_ summary: Summary?, like naive: Summary) throws {
    let summary = try #require(summary)
    #expect(summary.count == naive.count)
    #expect(summary.finiteCount == naive.finiteCount)
    #expect(summary.nanCount == naive.nanCount)
    #expect(summary.infiniteCount == naive.infiniteCount)
    #expect(summary.zeroCount == naive.zeroCount)
    #expect(summary.minimum == naive.minimum)
    #expect(summary.maximum == naive.maximum)
    let size = Double(naive.maximumMagnitude)
    #expect(abs(summary.mean - naive.mean) <= 1e-12 * size)
    #expect(abs(summary.standardDeviation - naive.standardDeviation) <= 1e-12 * size)
    #expect(
      abs(summary.sumOfSquares - naive.sumOfSquares) <= 1e-12 * max(naive.sumOfSquares, 1e-300))
    #expect((summary.kurtosis == nil) == (naive.kurtosis == nil))
    if let kurtosis = summary.kurtosis, let expected = naive.kurtosis {
      #expect(abs(kurtosis - expected) <= 1e-9 * expected)
    }
  }

  @Test(arguments: Weights.sizes)
  func agreesWithPlainLoops(size: Int) throws {
    let values = Weights.gaussian(size, seed: 7)
    try expect(Statistics.summary(of: Weights.tensor(values)), like: naive(values))
    let wild = Weights.wild(size, seed: 8).map { abs($0) > 1e30 ? -1 : $0 }
    try expect(Statistics.summary(of: Weights.tensor(wild)), like: naive(wild))
  }

  @Test func leavesOddValuesOut() throws {
    let values: [Float] = [.nan, .infinity, -.infinity, -0.0, 0, .leastNonzeroMagnitude, 2, -.nan]
    let summary = try #require(Statistics.summary(of: Weights.tensor(values)))
    #expect(summary.nanCount == 2)
    #expect(summary.infiniteCount == 2)
    #expect(summary.zeroCount == 2)
    #expect(summary.minimum == 0)
    #expect(summary.maximum == 2)
    #expect(summary.finiteCount == 4)
    let none = try #require(Statistics.summary(of: Weights.tensor([.nan, .infinity])))
    #expect(none.finiteCount == 0 && none.minimum == 0 && none.maximum == 0 && none.mean == 0)
  }

  @Test func ofOneNumber() throws {
    let summary = try #require(Statistics.summary(of: Tensor([], [3])))
    #expect(summary.mean == 3 && summary.standardDeviation == 0 && summary.kurtosis == nil)
  }

  @Test func keepsDigitsFarFromZero() throws {
    let values = Weights.gaussian(100_000, seed: 3, scale: 1e-3).map { $0 + 1 }
    try expect(Statistics.summary(of: Weights.tensor(values)), like: naive(values))
  }

  @Test(arguments: DType.allCases.filter { $0 != .bf16 })
  func readsEveryDTypeInPlace(dtype: DType) throws {
    var generator = SplitMix64(seed: 5)
    let bytes = (0..<70_001 * dtype.byteCount + 1).map { _ in
      dtype == .bool
        ? UInt8.random(in: 0...1, using: &generator) : UInt8.random(in: 0...255, using: &generator)
    }
    // One byte in: at no boundary.
    let direct = unsafe bytes.withUnsafeBytes {
      unsafe Statistics.summary(rawBytes: UnsafeRawBufferPointer(rebasing: $0[1...]), dtype: dtype)
    }
    let converted = unsafe bytes.withUnsafeBytes {
      unsafe Tensor(
        [70_001], converting: UnsafeRawBufferPointer(rebasing: $0[1...]), from: dtype)
    }
    #expect(direct == Statistics.summary(of: converted))
    #expect(direct?.count == 70_001)
  }

  /// bf16 is summed in f32 over 16 values at a time, so that each sum is within
  /// 20 roundings (16 additions, 4 for the fourth power) of the true one.
  @Test(arguments: Weights.sizes, [0, 1e-30, 1e9] as [Float])
  func readsBF16InPlace(size: Int, unit: Float) throws {
    var values = Weights.gaussian(size, seed: 9, scale: unit == 0 ? 1 : unit)
    // Some runs with what must be left out, and with sizes that would overflow.
    if unit == 0 { for index in stride(from: 300, to: size, by: 7001) { values[index] = .nan } }
    if unit > 1 { for index in stride(from: 9000, to: size, by: 50_001) { values[index] = 1e25 } }
    let bytes = [0] + Weights.tensor(values).bytes(as: .bf16)
    let (direct, read) = unsafe bytes.withUnsafeBytes {
      let raw = unsafe UnsafeRawBufferPointer(rebasing: $0[1...])
      return unsafe (
        Statistics.summary(rawBytes: raw, dtype: .bf16),
        Tensor([size], converting: raw, from: .bf16)
      )
    }
    let summary = try #require(direct)
    let exact = naive(read.array)
    #expect(summary.finiteCount == exact.finiteCount && summary.nanCount == exact.nanCount)
    #expect(summary.zeroCount == exact.zeroCount)
    #expect(summary.minimum == exact.minimum && summary.maximum == exact.maximum)
    let rounding = 20 * 0x1p-24
    #expect(abs(summary.mean - exact.mean) <= rounding * exact.sumOfSquares.squareRoot())
    let deviation = summary.standardDeviation - exact.standardDeviation
    #expect(abs(deviation) <= rounding * exact.standardDeviation)
    if let kurtosis = exact.kurtosis, let found = summary.kurtosis {
      #expect(abs(found - kurtosis) <= 4 * rounding * kurtosis)
    }
  }

  @Test(arguments: 1...5)
  func isTheSameForAnyThreads(threads: Int) {
    let tensor = Weights.tensor(Weights.wild(300_000, seed: 11))
    #expect(
      Statistics.summary(of: tensor, threads: threads) == Statistics.summary(of: tensor, threads: 1)
    )
  }

  @Test func stops() {
    let tensor = Weights.tensor(Weights.gaussian(200_000, seed: 1))
    #expect(Statistics.summary(of: tensor, shouldStop: { true }) == nil)
    #expect(Statistics.histogram(of: tensor, bins: 10, shouldStop: { true }) == nil)
  }

  @Test func rowsAddUpToTheWhole() throws {
    let tensor = Tensor([37, 101], Weights.wild(37 * 101, seed: 2).map { abs($0) > 1e30 ? 1 : $0 })
    let rows = try #require(Statistics.rowSummaries(of: tensor))
    let whole = try #require(Statistics.summary(of: tensor))
    #expect(rows.count == 37)
    #expect(rows.map(\.zeroCount).reduce(0, +) == whole.zeroCount)
    #expect(rows.map(\.finiteCount).reduce(0, +) == whole.finiteCount)
    #expect(rows.map(\.maximumMagnitude).max() == whole.maximumMagnitude)
    let squares = rows.map(\.sumOfSquares).reduce(0, +)
    #expect(abs(squares - whole.sumOfSquares) <= 1e-12 * squares)
    for (index, row) in rows.enumerated() {
      let values = (0..<101).map { tensor[index, $0] }.filter(\.isFinite)
      #expect(row.maximumMagnitude == values.map(\.magnitude).max())
    }
  }
}
