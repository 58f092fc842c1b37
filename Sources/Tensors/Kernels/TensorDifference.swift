import CKernels

/// How far a changed tensor W′ is from the original W. Places where either is not
/// finite are skipped.
public struct TensorDifference: Sendable, Hashable, Codable {
  /// Σ (w − w′)².
  public let squaredError: Double
  /// Σ w².
  public let sumOfSquares: Double
  /// Largest |w − w′|.
  public let maximumError: Float
  /// ⟨W, W′⟩ / (‖W‖ ‖W′‖); 1 when both are 0, 0 when one is.
  public let cosine: Double
  /// Weights that differ.
  public let differentCount: Int
  /// Weights that were skipped.
  public let skippedCount: Int

  /// ‖W − W′‖ / ‖W‖; infinite when W is 0 and W′ is not.
  public var relativeError: Double {
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
    let first = parts.reduce(0) { $0 + $1.first_squares }
    let second = parts.reduce(0) { $0 + $1.second_squares }
    let product = parts.reduce(0) { $0 + $1.product }
    squaredError = parts.reduce(0) { $0 + $1.difference_squares }
    sumOfSquares = first
    maximumError = parts.reduce(0) { max($0, $1.maximum_difference) }
    let norms = first.squareRoot() * second.squareRoot()
    cosine = norms > 0 ? min(max(product / norms, -1), 1) : (first == second ? 1 : 0)
    differentCount = parts.reduce(0) { $0 + Int($1.different) }
    skippedCount = parts.reduce(0) { $0 + Int($1.skipped) }
  }
}
