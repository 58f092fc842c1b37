import CKernels

/// The search for the scale of least squared error of one group.
struct ScaleSearch {
  let tensor: Tensor
  let range: Range<Int>
  let zero: Int32
  let codes: ClosedRange<Int>
  let threads: Int

  /// Scales that are tried.
  private static let trials = 80
  /// Rounds of fitting at most; it settles after about ten.
  private static let rounds = 40

  /// Shares of the scale that clips nothing, by 1 % each.
  static let shrinkings = (0..<trials).map { 1 - Float($0) / 100 }

  /// Multiples from 1 to `limit`, evenly on a logarithmic scale: a ternary scale
  /// is the mean of some largest magnitudes, so it lies between the mean of all
  /// and the largest.
  static func factors(upTo limit: Float) -> [Float] {
    // The ratio as repeated square roots, so that no library function is needed.
    var ratio = max(limit, 1)
    for _ in 0..<6 { ratio = ratio.squareRoot() }
    var factors: [Float] = [1]
    for _ in 0..<64 { factors.append(factors[factors.count - 1] * ratio) }
    return factors
  }

  /// The best of `first × factors`, then scale and codes fitted in turn as long as
  /// that gains. Never worse than `first`.
  func best(
    from first: Float, factors: [Float], shouldStop: @Sendable () -> Bool
  ) -> Float {
    var (best, least) = (first, sums(first, shouldStop).error)
    var scale = first * bestFactor(factors, first, shouldStop)
    for _ in 0..<Self.rounds {
      let sums = sums(scale, shouldStop)
      guard sums.error < least else { break }
      (best, least) = (scale, sums.error)
      guard sums.squares > 0, !shouldStop() else { break }
      scale = max(Float(sums.products / sums.squares), .leastNormalMagnitude)
    }
    return best
  }

  /// The first factor of least squared error.
  private func bestFactor(
    _ factors: [Float], _ scale: Float, _ shouldStop: @Sendable () -> Bool
  ) -> Float {
    let none = [Double](repeating: 0, count: factors.count)
    let parts = unsafe pieces(none, shouldStop) { start, count in
      var errors = none
      unsafe pare_scale_errors(
        KernelLevel.best, start, count, scale, Float(zero), Float(codes.lowerBound),
        Float(codes.upperBound), factors, factors.count, &errors)
      return errors
    }
    var best = (factor: factors[0], error: Double.infinity)
    for (index, factor) in factors.enumerated() {
      let error = parts.reduce(0) { $0 + $1[index] }
      if error < best.error { best = (factor, error) }
    }
    return best.factor
  }

  /// Squared error at a scale, Σ w·code and Σ code² (zero subtracted).
  private func sums(_ scale: Float, _ shouldStop: @Sendable () -> Bool) -> pare_fit {
    let parts = unsafe pieces(pare_fit(), shouldStop) { start, count in
      var sums = pare_fit()
      unsafe pare_fit_scale(
        KernelLevel.best, start, count, scale, Float(zero), Float(codes.lowerBound),
        Float(codes.upperBound), &sums)
      return sums
    }
    return parts.dropFirst().reduce(parts[0]) {
      pare_fit(
        error: $0.error + $1.error, products: $0.products + $1.products,
        squares: $0.squares + $1.squares)
    }
  }

  private func pieces<Part: Sendable>(
    _ empty: Part, _ shouldStop: @Sendable () -> Bool,
    _ body: @Sendable (UnsafePointer<Float>, Int) -> Part
  ) -> [Part] {
    GroupLayout.pieces(of: range, empty, threads: threads, shouldStop: shouldStop) { piece in
      unsafe tensor.withUnsafeValues { values in
        guard let start = values.baseAddress else { return empty }
        return unsafe body(start + piece.lowerBound, piece.count)
      }
    }
  }
}
