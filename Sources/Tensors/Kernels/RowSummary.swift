import CKernels

/// What one output channel's weights are like. Only finite weights count, but in
/// `zeroCount` and `finiteCount`.
public struct RowSummary: Sendable, Hashable, Codable {
  /// Smallest weight; 0 when none is finite.
  public let minimum: Float
  /// Largest weight; 0 when none is finite.
  public let maximum: Float
  /// Mean |w|.
  public let meanMagnitude: Double
  /// Σ w².
  public let sumOfSquares: Double
  /// Weights that are neither infinite nor NaN.
  public let finiteCount: Int
  /// Weights that are 0 or −0.
  public let zeroCount: Int

  /// Largest |w|.
  public var maximumMagnitude: Float { max(abs(minimum), abs(maximum)) }

  /// ‖w‖.
  public var norm: Double { sumOfSquares.squareRoot() }

  init(_ group: pare_group) {
    let any = group.finite > 0
    minimum = any ? group.minimum + 0 : 0
    maximum = any ? group.maximum + 0 : 0
    meanMagnitude = any ? group.sum_magnitude / Double(group.finite) : 0
    sumOfSquares = group.sum_squares
    finiteCount = Int(group.finite)
    zeroCount = Int(group.zero)
  }
}

extension Statistics {
  /// One summary a row (see `Shape.rows`). nil when stopped.
  public static func rowSummaries(
    of tensor: Tensor, threads: Int = Parallel.defaultThreads,
    shouldStop: @Sendable () -> Bool = { false }
  ) -> [RowSummary]? {
    let layout = GroupLayout(
      tensor.shape, groupSize: max(tensor.shape.columns, 1), perTensor: false)
    return layout.figures(of: tensor, threads: threads, shouldStop: shouldStop)?
      .map { RowSummary($0) }
  }
}
