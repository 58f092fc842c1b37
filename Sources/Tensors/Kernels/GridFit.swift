import CKernels

/// The search for one group's scale and zero point.
struct GridFit: Sendable {
  let tensor: Tensor
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

  /// Scale and zero point of the weights in `range`, which are like `figures`.
  func fit(
    _ range: Range<Int>, _ figures: pare_group, threads: Int, shouldStop: @Sendable () -> Bool
  ) -> (scale: Float, zero: Int32) {
    let row = RowSummary(figures)
    guard row.maximumMagnitude > 0 else { return (1, 0) }
    switch levels {
    case .binary:
      return (Self.usable(Float(row.meanMagnitude)), 0)
    case .ternary:
      return (ternaryScale(range, row, threads: threads, shouldStop: shouldStop), 0)
    case .symmetric, .affine:
      var (scale, zero) = unclipped(row)
      if rule == .leastSquares {
        scale = shrunk(scale, zero, range, threads: threads, shouldStop: shouldStop)
      }
      return (scale, zero)
    }
  }

  /// A scale by which one can divide.
  private static func usable(_ scale: Float) -> Float {
    min(max(scale, .leastNormalMagnitude), .greatestFiniteMagnitude)
  }

  private func unclipped(_ row: RowSummary) -> (scale: Float, zero: Int32) {
    guard isAffine else {
      return (Self.usable(row.maximumMagnitude / Float(codes.upperBound)), 0)
    }
    let (low, high) = (min(row.minimum, 0), max(row.maximum, 0))
    let steps = Float(codes.upperBound)
    let scale = Self.usable(high / steps - low / steps)
    let zero = (-low / scale).rounded(.toNearestOrEven)
    return (scale, Int32(min(max(zero, 0), steps)))
  }

  private func shrunk(
    _ scale: Float, _ zero: Int32, _ range: Range<Int>, threads: Int,
    shouldStop: @Sendable () -> Bool
  ) -> Float {
    let coarse = (0..<80).map { 1 - Float($0) / 100 }
    let best = bestFactor(coarse, scale, zero, range, threads: threads, shouldStop: shouldStop)
    let fine = (-8...8).map { best + Float($0) / 800 }
    let finest = bestFactor(fine, scale, zero, range, threads: threads, shouldStop: shouldStop)
    return Self.usable(scale * finest)
  }

  /// The first factor of least squared error.
  private func bestFactor(
    _ factors: [Float], _ scale: Float, _ zero: Int32, _ range: Range<Int>, threads: Int,
    shouldStop: @Sendable () -> Bool
  ) -> Float {
    let none = [Double](repeating: 0, count: factors.count)
    let parts = GroupLayout.pieces(
      of: range, none, threads: threads, shouldStop: shouldStop
    ) { piece in
      var errors = none
      unsafe tensor.withUnsafeValues { values in
        guard let start = values.baseAddress else { return }
        unsafe pare_scale_errors(
          KernelLevel.best, start + piece.lowerBound, piece.count, scale, Float(zero),
          Float(codes.lowerBound), Float(codes.upperBound), factors, factors.count, &errors)
      }
      return errors
    }
    var best = (factor: factors[0], error: Double.infinity)
    for (index, factor) in factors.enumerated() {
      let error = parts.reduce(0) { $0 + $1[index] }
      if error < best.error { best = (factor, error) }
    }
    return best.factor
  }

  /// Rounds that the alternation takes at most; it settles after about ten.
  private static let ternaryRounds = 30

  private func ternaryScale(
    _ range: Range<Int>, _ row: RowSummary, threads: Int, shouldStop: @Sendable () -> Bool
  ) -> Float {
    var scale = meanAbove(
      0.7 * Float(row.meanMagnitude), range, threads: threads, shouldStop: shouldStop)
    guard rule == .leastSquares else { return Self.usable(scale) }
    for _ in 0..<Self.ternaryRounds {
      let next = meanAbove(scale / 2, range, threads: threads, shouldStop: shouldStop)
      if next == scale || shouldStop() { break }
      scale = next
    }
    return Self.usable(scale)
  }

  private func meanAbove(
    _ threshold: Float, _ range: Range<Int>, threads: Int, shouldStop: @Sendable () -> Bool
  ) -> Float {
    let parts = GroupLayout.pieces(
      of: range, (sum: 0.0, count: 0), threads: threads, shouldStop: shouldStop
    ) { piece in
      var (sum, above) = (0.0, UInt64(0))
      unsafe tensor.withUnsafeValues { values in
        guard let start = values.baseAddress else { return }
        unsafe pare_sum_above(
          KernelLevel.best, start + piece.lowerBound, piece.count, threshold, &sum, &above)
      }
      return (sum: sum, count: Int(above))
    }
    let count = parts.reduce(0) { $0 + $1.count }
    return count == 0 ? threshold : Float(parts.reduce(0) { $0 + $1.sum } / Double(count))
  }
}
