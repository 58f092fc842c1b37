import CKernels

/// The search for one group's scale and zero point.
struct GridFit: Sendable {
  let tensor: Tensor
  /// Weights that are pruned, hence 0 and no part of a mean.
  let mask: Mask?
  let levels: Quantization.Levels
  let rule: Quantization.ScaleRule

  var bits: Int {
    switch levels {
    case .symmetric(let bits): min(max(bits, 2), 8)
    case .affine(let bits): min(max(bits, 1), 8)
    case .ternary: 2
    case .binary: 1
    }
  }

  var codes: ClosedRange<Int> {
    switch levels {
    case .symmetric: -(1 << (bits - 1))...(1 << (bits - 1)) - 1
    case .affine: 0...(1 << bits) - 1
    case .ternary: -1...1
    case .binary: 0...1
    }
  }

  var isAffine: Bool { if case .affine = levels { true } else { false } }

  /// Weights after which to ask whether to stop: a search reads each about a
  /// hundred times.
  var stretch: Int { rule == .leastSquares ? 1 << 12 : Parallel.chunk }

  /// Scale and zero point of the weights in `range`, which are like `figures`.
  func fit(
    _ range: Range<Int>, _ figures: pare_group, threads: Int, shouldStop: @Sendable () -> Bool
  ) -> (scale: Float, zero: Int32) {
    let row = RowSummary(figures)
    guard row.maximumMagnitude > 0 else { return (levels == .binary ? 0 : 1, 0) }
    let first = firstFit(row, kept: mask?.keptCount(in: range) ?? range.count)
    guard rule == .leastSquares, levels != .binary else { return first }
    let search = ScaleSearch(
      tensor: tensor, range: range, zero: first.zero, codes: codes, threads: threads)
    let factors =
      levels == .ternary
      ? ScaleSearch.factors(upTo: row.maximumMagnitude / first.scale) : ScaleSearch.shrinkings
    return (search.best(from: first.scale, factors: factors, shouldStop: shouldStop), first.zero)
  }

  /// The scale and zero point that need no search.
  private func firstFit(_ row: RowSummary, kept: Int) -> (scale: Float, zero: Int32) {
    switch levels {
    case .binary, .ternary:
      let sum = row.meanMagnitude * Double(row.finiteCount)
      return (Self.usable(sum / Double(max(kept, 1)), reach: 1), 0)
    case .symmetric:
      let steps = codes.upperBound
      return (Self.usable(Double(row.maximumMagnitude / Float(steps)), reach: steps), 0)
    case .affine:
      let (low, high) = (Double(min(row.minimum, 0)), Double(max(row.maximum, 0)))
      let steps = codes.upperBound
      let scale = Self.usable((high - low) / Double(steps), reach: steps)
      let zero = (-min(row.minimum, 0) / scale).rounded(.toNearestOrEven)
      return (scale, Int32(min(max(zero, 0), Float(steps))))
    }
  }

  /// A scale by which one can divide, and of which `reach` are finite.
  private static func usable(_ scale: Double, reach: Int) -> Float {
    let largest = (Float.greatestFiniteMagnitude / Float(reach)).nextDown
    return Float(min(max(scale, Double(Float.leastNormalMagnitude)), Double(largest)))
  }
}
