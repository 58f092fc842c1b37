/// The points a quantized tensor's values lie on: `scale × (code − zero)`.
///
/// A tensor of `rows × columns` is cut into groups that share a scale; group
/// `g` of row `r` has index `r * groupsPerRow + g`. Per tensor there is one
/// group in all, and `groupSize` is the tensor's count. Codes need not be kept:
/// `code = rint(value / scale) + zero` gives them back exactly.
///
/// On a grid of bit depths every row has levels of its own; see
/// `init(depths:exponents:columns:)`.
public struct QuantizationGrid: Sendable, Hashable {
  /// Bits a code takes, 1…8; of bit depths, those of the deepest row, 1…16.
  public let bits: Int
  /// Smallest and largest code, before `zero` is subtracted; of bit depths,
  /// over all rows.
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
  /// The learned bit depth of each row, 0…16; empty on a grid whose rows all
  /// have the same codes.
  public let depths: [Float]
  /// log2 of each row's scale where there are bit depths; else empty.
  public let exponents: [Float]

  /// A grid whose groups all have the same codes.
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
    depths = []
    exponents = []
  }

  /// The grid of self-compressed channels, a bit depth b and an exponent e for
  /// each row of `columns` weights (Cséfalvay and Imber, Self-Compressing Neural
  /// Networks, 2023, equation 1):
  ///
  ///     w′ = 2^e · rint(clamp(w / 2^e, −2^(b−1), 2^(b−1) − 1))      b ≤ 0: w′ = 0
  ///
  /// Because `rint` never falls, that is a clamp to the whole codes
  /// `codeRange(ofRow:)`. Depths are held to 0…16, exponents to −100…100; a row
  /// without a depth has exponent 0, and so has one where either is NaN.
  /// Precondition: as many exponents as depths.
  public init(depths: [Float], exponents: [Float], columns: Int) {
    precondition(depths.count == exponents.count, "one exponent a depth")
    let held = zip(depths, exponents).map { depth, exponent in
      depth > 0 && !exponent.isNaN
        ? (depth: min(depth, ChannelDepth.largest), exponent: min(max(exponent, -100), 100))
        : (depth: 0, exponent: 0)
    }
    let ranges = held.map { ChannelDepth.codes(of: $0.depth) }
    let lowest = ranges.lazy.map(\.lowerBound).min() ?? 0
    codes = lowest...(ranges.lazy.map(\.upperBound).max() ?? 0)
    bits = max(1, ranges.lazy.map { ChannelDepth.width(of: $0) }.max() ?? 1)
    groupSize = max(columns, 1)
    scales = held.map { Float(ChannelDepth.powerOfTwo(Double($0.exponent))) }
    zeros = []
    isBinary = false
    self.depths = held.map(\.depth)
    self.exponents = held.map(\.exponent)
  }

  /// Whether each row has a bit depth of its own.
  public var hasDepths: Bool { !depths.isEmpty }

  /// The codes that a row's values may have, zero subtracted where the grid has
  /// bit depths: −k…k′, 0 among them; 0…0 for a row of no bits.
  public func codeRange(ofRow row: Int) -> ClosedRange<Int> {
    hasDepths ? ChannelDepth.codes(of: depths[row]) : codes
  }

  /// Bits that a plain code of a row takes: ⌈log2⌉ of its levels, 0 for a row of
  /// one level.
  public func codeBits(ofRow row: Int) -> Int {
    hasDepths ? ChannelDepth.width(of: codeRange(ofRow: row)) : bits
  }

  /// The same channels with numbers that take little room in a file: depths to the
  /// nearest 1/256 that has the same codes, exponents to the nearest 1/32, which is
  /// 1 % of a scale. Weights must be rounded to it anew. A grid without depths is
  /// its own.
  public func condensed() -> QuantizationGrid {
    guard hasDepths else { return self }
    let near = depths.map { depth in
      let steps = (depth * 256).rounded()
      let codes = ChannelDepth.codes(of: depth)
      return [steps, steps + 1, steps - 1].lazy.map { $0 / 256 }.first {
        ChannelDepth.codes(of: $0) == codes
      } ?? depth
    }
    return QuantizationGrid(
      depths: near, exponents: exponents.map { ($0 * 32).rounded() / 32 }, columns: groupSize)
  }

  /// Mean of `codeBits(ofRow:)`; of no rows 0.
  public var meanCodeBits: Double {
    guard hasDepths else { return Double(bits) }
    return Double(depths.indices.reduce(0) { $0 + codeBits(ofRow: $1) }) / Double(depths.count)
  }
}
