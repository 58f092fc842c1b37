/// How many finite values fall into each of equally wide bins.
///
/// Bin `i` of `n` covers `lowerBound + i * width ..< lowerBound + (i + 1) * width`,
/// `width` = (upperBound − lowerBound) / n; the last bin includes `upperBound`.
public struct Histogram: Sendable, Hashable, Codable {
  /// Lower end of the first bin.
  public let lowerBound: Float
  /// Upper end of the last bin; when it equals the lower end all is in bin 0.
  public let upperBound: Float
  /// Values in each bin; at least one bin.
  public let counts: [Int]
  /// Values under the lower bound, −∞ among them.
  public let belowCount: Int
  /// Values over the upper bound, +∞ among them.
  public let aboveCount: Int
  /// Values that are NaN.
  public let nanCount: Int

  /// A histogram from counts. Precondition: `counts` is not empty.
  public init(
    lowerBound: Float, upperBound: Float, counts: [Int], belowCount: Int = 0, aboveCount: Int = 0,
    nanCount: Int = 0
  ) {
    precondition(!counts.isEmpty)
    self.lowerBound = lowerBound
    self.upperBound = upperBound
    self.counts = counts
    self.belowCount = belowCount
    self.aboveCount = aboveCount
    self.nanCount = nanCount
  }

  /// Values in all bins.
  public var total: Int { counts.reduce(0, +) }

  /// The fullest bin's count: the height of a plot.
  public var peak: Int { counts.max() ?? 0 }

  /// Centre of a bin.
  public func center(of bin: Int) -> Float {
    let width = (Double(upperBound) - Double(lowerBound)) / Double(counts.count)
    return Float(Double(lowerBound) + (Double(bin) + 0.5) * width)
  }

  /// The same values in fewer bins. Exact when the bins are a divisor of those
  /// there are; else each bin goes whole to the one its start lies in. The same
  /// histogram when there are no more bins than that already.
  public func rebinned(to bins: Int) -> Histogram {
    guard bins > 0, bins < counts.count else { return self }
    var merged = [Int](repeating: 0, count: bins)
    for (bin, count) in counts.enumerated() { merged[bin * bins / counts.count] += count }
    return Histogram(
      lowerBound: lowerBound, upperBound: upperBound, counts: merged, belowCount: belowCount,
      aboveCount: aboveCount, nanCount: nanCount)
  }

  /// The value under which a share 0…1 of the counted values lies, as if they
  /// were spread evenly within each bin: a sketch, not a selection.
  public func quantile(_ share: Double) -> Float {
    var rest = share * Double(total)
    let width = (Double(upperBound) - Double(lowerBound)) / Double(counts.count)
    for (bin, count) in counts.enumerated() where count > 0 {
      if rest <= Double(count) {
        return Float(Double(lowerBound) + (Double(bin) + max(rest, 0) / Double(count)) * width)
      }
      rest -= Double(count)
    }
    return upperBound
  }
}
