import Tensors
import TestSupport
import Testing

@Suite struct HistogramTests {
  private func naive(_ values: [Float], bins: Int, range: ClosedRange<Float>) -> Histogram {
    var counts = [Int](repeating: 0, count: bins)
    let width = Double(range.upperBound) - Double(range.lowerBound)
    let inverse = width > 0 ? Float(Double(bins) / width) : 0
    for value in values where range.contains(value) {
      counts[min(Int(max((value - range.lowerBound) * inverse, 0)), bins - 1)] += 1
    }
    return Histogram(
      lowerBound: range.lowerBound, upperBound: range.upperBound, counts: counts,
      belowCount: values.count { $0 < range.lowerBound },
      aboveCount: values.count { $0 > range.upperBound }, nanCount: values.count { $0.isNaN })
  }

  @Test(arguments: Weights.sizes, [1, 60, 128, 129, 1000])
  func countsLikeAPlainLoop(size: Int, bins: Int) {
    let values = Weights.wild(size, seed: UInt64(size))
    let range: ClosedRange<Float> = -1.25...2
    #expect(
      Statistics.histogram(of: Weights.tensor(values), bins: bins, range: range)
        == naive(values, bins: bins, range: range))
  }

  @Test func coversAllFiniteValuesByItself() throws {
    let values = Weights.gaussian(600_000, seed: 4) + [.nan, .infinity, -.infinity]
    let histogram = try #require(Statistics.histogram(of: Weights.tensor(values), bins: 64))
    #expect(histogram.total == 600_000)
    #expect(histogram.belowCount == 1 && histogram.aboveCount == 1 && histogram.nanCount == 1)
    #expect(histogram.lowerBound == values.dropLast(3).min())
    #expect(histogram.upperBound == values.dropLast(3).max())
    let fewer = histogram.rebinned(to: 16)
    let direct = try #require(Statistics.histogram(of: Weights.tensor(values), bins: 16))
    #expect(fewer.counts == direct.counts)
  }

  @Test func toleratesDegenerateRanges() throws {
    let same = try #require(
      Statistics.histogram(of: Weights.tensor([Float](repeating: 2, count: 50_000)), bins: 10))
    #expect(same.counts[0] == 50_000)
    let empty = try #require(Statistics.histogram(of: Weights.tensor([]), bins: 0))
    #expect(empty.counts == [0])
    let extreme: [Float] = [-.greatestFiniteMagnitude, 0, .greatestFiniteMagnitude]
    #expect(Statistics.histogram(of: Weights.tensor(extreme), bins: 8)?.total == 3)
    let tiny: [Float] = [0, .leastNonzeroMagnitude]
    #expect(Statistics.histogram(of: Weights.tensor(tiny), bins: 8)?.total == 2)
  }

  /// One finite value, and infinities and NaN beside it.
  @Test(arguments: [Float(0), -2, 3e38, .leastNonzeroMagnitude])
  func countsWhatIsOutsideARangeOfOneValue(value: Float) throws {
    let values: [Float] = [.infinity, value, -.infinity, .nan, .infinity, value]
    let histogram = try #require(Statistics.histogram(of: Tensor([6], values), bins: 10))
    #expect(histogram.total == 2 && histogram.nanCount == 1)
    #expect(histogram.belowCount == 1 && histogram.aboveCount == 2)
  }

  @Test(arguments: [DType.bf16, .f16, .f8e4m3, .f64])
  func readsBytesInPlace(dtype: DType) {
    let tensor = Weights.tensor(Weights.gaussian(150_001, seed: 6, scale: 1))
    let bytes = tensor.bytes(as: dtype)
    let direct = unsafe bytes.withUnsafeBytes {
      unsafe Statistics.histogram(rawBytes: $0, dtype: dtype, bins: 100)
    }
    let read = unsafe bytes.withUnsafeBytes {
      unsafe Tensor([150_001], converting: $0, from: dtype)
    }
    #expect(direct == Statistics.histogram(of: read, bins: 100))
    #expect(direct?.total == 150_001)
  }

  @Test func quantilesEncloseTheirShare() throws {
    let values = Weights.gaussian(100_000, seed: 9)
    let histogram = try #require(Statistics.histogram(of: Weights.tensor(values), bins: 200))
    for share in [0.1, 0.5, 0.9] {
      let below = values.count { $0 < histogram.quantile(share) }
      #expect(abs(Double(below) / 100_000 - share) < 0.002)
    }
  }
}
