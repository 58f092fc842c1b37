/// Blocks of weights taken apart: `weight = code × scale + minimum`, each block
/// with a scale, and a minimum where the format has one.
public struct BlockCodes: Sendable {
  /// Whole numbers, of the shape of the weights.
  public let codes: Tensor
  /// `[rows, blocks of a row]`.
  public let scales: Tensor
  /// As many as scales; nil where all are 0.
  public let minima: Tensor?
  /// Weights of a block, neighbours in a row.
  public let groupSize: Int
  /// What codes can be.
  public let range: ClosedRange<Int>

  /// Whether a format's weights are codes with one scale a block; K formats have
  /// scales of scales, and IQ and FP formats levels that are not evenly spaced.
  public static func areKept(by format: BlockFormat) -> Bool { Layout(format) != nil }

  /// Reads blocks at any address; nil where the format has no such codes, or when
  /// stopped. Precondition: as `Tensor.init(_:dequantizing:from:)`.
  public init?(
    _ shape: Shape, _ bytes: UnsafeRawBufferPointer, of format: BlockFormat,
    threads: Int = Parallel.defaultThreads, shouldStop: @Sendable () -> Bool = { false }
  ) {
    guard let layout = Layout(format) else { return nil }
    let blocks = shape.count / format.weightCount
    let halves = { (offset: Int) -> Tensor in
      let packed = (0..<blocks).flatMap { block in
        unsafe [
          bytes[block * format.byteCount + offset], bytes[block * format.byteCount + offset + 1],
        ]
      }
      let columns = (shape.dimensions.last ?? 0) / format.weightCount
      return unsafe packed.withUnsafeBytes {
        unsafe Tensor([columns == 0 ? 0 : blocks / columns, columns], converting: $0, from: .f16)
      }
    }
    // With scales of 1 and minima of 0 the weights are the codes.
    var plain = unsafe [UInt8](bytes.prefix(blocks * format.byteCount))
    for block in 0..<blocks {
      let start = block * format.byteCount
      (plain[start + layout.scale], plain[start + layout.scale + 1]) = (0x00, 0x3C)
      if let minimum = layout.minimum {
        (plain[start + minimum], plain[start + minimum + 1]) = (0, 0)
      }
    }
    let codes = unsafe plain.withUnsafeBytes {
      unsafe Tensor(
        shape, dequantizing: $0, from: format, threads: threads, shouldStop: shouldStop)
    }
    guard let codes else { return nil }
    self.codes = codes
    scales = halves(layout.scale)
    minima = layout.minimum.map(halves)
    groupSize = format.weightCount
    range = layout.range
  }

  /// Where a block has its f16 numbers.
  private struct Layout {
    var scale = 0
    var minimum: Int?
    let range: ClosedRange<Int>

    init?(_ format: BlockFormat) {
      switch format {
      case .q8_0: range = -128...127
      case .q4_0: range = -8...7
      case .q5_0: range = -16...15
      case .q4_1: (minimum, range) = (2, 0...15)
      case .q5_1: (minimum, range) = (2, 0...31)
      case .q2_0: range = -1...2
      case .tq1_0: (scale, range) = (52, -1...1)
      case .tq2_0: (scale, range) = (64, -1...2)
      case .q1_0, .q2K, .q3K, .q4K, .q5K, .q6K, .iq4NL, .iq4XS, .mxfp4, .nvfp4: return nil
      }
    }
  }
}
