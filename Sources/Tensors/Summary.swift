/// What one read of a tensor's values tells.
///
/// NaNs and infinities are counted apart and never enter the other figures. With
/// no finite value, all of these are 0.
public struct Summary: Sendable, Hashable, Codable {
  /// Number of values.
  public var count = 0
  /// Values that are neither infinite nor NaN.
  public var finiteCount = 0
  /// Values that are NaN.
  public var nanCount = 0
  /// Values that are ∞ or −∞.
  public var infiniteCount = 0
  /// Values that are 0 or −0.
  public var zeroCount = 0
  /// Smallest finite value.
  public var minimum: Float = 0
  /// Largest finite value.
  public var maximum: Float = 0
  /// Mean of the finite values.
  public var mean = 0.0
  /// Root of the mean squared distance from the mean (divided by n, not n − 1).
  public var standardDeviation = 0.0
  /// Fourth central moment by the squared variance: 3 for a Gaussian. nil when
  /// all values are equal.
  public var kurtosis: Double?
  /// Sum of w² over the finite values.
  public var sumOfSquares = 0.0

  /// A summary of no values.
  public init() {}

  /// Largest |w| of the finite values.
  public var maximumMagnitude: Float { max(abs(minimum), abs(maximum)) }

  /// Share of values that are zero, 0…1; 0 for no values.
  public var sparsity: Double { count == 0 ? 0 : Double(zeroCount) / Double(count) }
}
