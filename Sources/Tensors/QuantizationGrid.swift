/// The points a quantized tensor's values lie on: `scale × (code − zero)`.
///
/// A tensor of `rows × columns` is cut into groups that share a scale; group
/// `g` of row `r` has index `r * groupsPerRow + g`. Per tensor there is one
/// group in all, and `groupSize` is the tensor's count. Codes need not be kept:
/// `code = rint(value / scale) + zero` gives them back exactly.
public struct QuantizationGrid: Sendable, Hashable {
  /// Bits a code takes, 1…8.
  public let bits: Int
  /// Smallest and largest code, before `zero` is subtracted.
  public let codes: ClosedRange<Int>
  /// Consecutive values of a row that share a scale; equal to the columns for
  /// one scale a channel, to the count for one scale a tensor.
  public let groupSize: Int
  /// One scale a group.
  public let scales: [Float]
  /// One zero point a group; empty means 0 for all (symmetric).
  public let zeros: [Int32]
  /// Binary: only `−scale` and `+scale` are reached, so code 0 stands for the
  /// former and 1 for the latter.
  public let isBinary: Bool

  /// A grid from its parts.
  public init(
    bits: Int, codes: ClosedRange<Int>, groupSize: Int, scales: [Float], zeros: [Int32] = [],
    isBinary: Bool = false
  ) {
    self.bits = bits
    self.codes = codes
    self.groupSize = groupSize
    self.scales = scales
    self.zeros = zeros
    self.isBinary = isBinary
  }
}
