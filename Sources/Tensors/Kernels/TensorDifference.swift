import CKernels

/// How far a changed tensor W′ is from the original W. The sums are over places where both
/// are finite; the others are counted in `nonFinite`.
public struct TensorDifference: Sendable, Hashable, Codable {
  /// Σ (w − w′)².
  public let squaredError: Double
  /// Σ w².
  public let sumOfSquares: Double
  /// Largest |w − w′|; NaN where a NaN or an infinity appeared or vanished.
  public let maximumError: Float
  /// ⟨W, W′⟩ / (‖W‖ ‖W′‖); 1 when both are 0, 0 when one is; NaN as `maximumError`.
  public let cosine: Double
  /// Weights that differ. Two NaNs are equal.
  public let differentCount: Int
  /// NaNs and infinities.
  public let nonFinite: NonFiniteChange

  /// ‖W − W′‖ / ‖W‖; infinite when W is 0 and W′ is not; NaN as `maximumError`.
  public var relativeError: Double {
    if nonFinite.hasChanged { return .nan }
    if sumOfSquares > 0 { return (squaredError / sumOfSquares).squareRoot() }
    return squaredError > 0 ? .infinity : 0
  }

  /// Compares two tensors of equal count. nil when stopped.
  public init?(
    from original: Tensor, to changed: Tensor, threads: Int = Parallel.defaultThreads,
    shouldStop: @Sendable () -> Bool = { false }
  ) {
    precondition(original.shape.count == changed.shape.count, "tensors of one size are compared")
    let count = original.shape.count
    var parts = [pare_difference](repeating: pare_difference(), count: Parallel.chunks(count))
    let finished = unsafe parts.withUnsafeMutableBufferPointer { buffer in
      let parts = unsafe Shared(buffer)
      return Parallel.forEach(
        count: buffer.count, threads: threads, shouldStop: shouldStop
      ) { chunk in
        let range = Parallel.range(chunk, of: count)
        unsafe original.withUnsafeValues { first in
          unsafe changed.withUnsafeValues { second in
            guard let a = first.baseAddress, let b = second.baseAddress else { return }
            unsafe pare_compare(
              KernelLevel.best, a + range.lowerBound, b + range.lowerBound, range.count,
              &parts.pointer[chunk])
          }
        }
      }
    }
    guard finished else { return nil }
    self.init(parts)
  }

  private init(_ parts: [pare_difference]) {
    func count(_ field: KeyPath<pare_difference, UInt64>) -> Int {
      parts.reduce(0) { $0 + Int($1[keyPath: field]) }
    }
    nonFinite = NonFiniteChange(
      nan: .init(
        before: count(\.nan_first), after: count(\.nan_second), stayed: count(\.nan_both)),
      infinite: .init(
        before: count(\.infinite_first), after: count(\.infinite_second),
        stayed: count(\.infinite_both)))
    let first = parts.reduce(0) { $0 + $1.first_squares }
    let second = parts.reduce(0) { $0 + $1.second_squares }
    let product = parts.reduce(0) { $0 + $1.product }
    squaredError = parts.reduce(0) { $0 + $1.difference_squares }
    sumOfSquares = first
    differentCount = count(\.different)
    guard !nonFinite.hasChanged else {
      (maximumError, cosine) = (.nan, .nan)
      return
    }
    maximumError = parts.reduce(0) { max($0, $1.maximum_difference) }
    let norms = first.squareRoot() * second.squareRoot()
    cosine = norms > 0 ? min(max(product / norms, -1), 1) : (first == second ? 1 : 0)
  }
}
