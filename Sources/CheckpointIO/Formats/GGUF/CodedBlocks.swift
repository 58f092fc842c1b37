public import Tensors

/// The blocks that a matrix is stored in, in memory; where weights are pruned, those that it
/// was stored in, whose codes and scales kept weights still have.
public struct CodedBlocks: Sendable {
  public let format: BlockFormat
  /// As stored; rows are whole numbers of blocks.
  public let shape: Shape
  /// Whether the matrix is the transpose of what is stored.
  public let isTransposed: Bool
  /// Which weights are kept; nil if no weight is pruned.
  public let kept: Mask?
  private let bytes: [UInt8]

  init(
    _ format: BlockFormat, _ shape: Shape, isTransposed: Bool, kept: Mask? = nil, _ bytes: [UInt8]
  ) {
    self.format = format
    self.shape = shape
    self.isTransposed = isTransposed
    self.kept = kept
    self.bytes = bytes
  }

  /// `isMasked` says that zeros are pruned weights, also where the blocks have a code for 0.
  init(_ blocks: PrunedBlocks, isMasked: Bool) {
    self.init(
      blocks.format, blocks.kept.shape, isTransposed: false,
      kept: blocks.isWhole && !isMasked ? nil : blocks.kept, blocks.stored)
  }

  /// Counts all codes and measures the scales; nil when stopped.
  public func figures(
    threads: Int = Parallel.defaultThreads, shouldStop: @Sendable () -> Bool = { false }
  ) -> CodeFigures? {
    unsafe bytes.withUnsafeBytes {
      unsafe CodeFigures(
        shape, $0, of: format, keeping: kept, threads: threads, shouldStop: shouldStop)
    }
  }

  /// The weights that share a scale with the one at a row and a column of the matrix,
  /// and their place in it; nil outside it. O(1).
  public func group(row: Int, column: Int) -> CodedGroup? {
    let (row, column) = isTransposed ? (column, row) : (row, column)
    let size = format.groupWeightCount
    guard (0..<shape.rows).contains(row), (0..<shape.columns).contains(column) else { return nil }
    let block = (row * shape.columns + column) / format.weightCount
    let group = column % format.weightCount / size
    let stored = bytes[block * format.byteCount..<(block + 1) * format.byteCount]
    let one: Shape = [1, format.weightCount]
    let (codes, weights) = unsafe stored.withUnsafeBytes {
      unsafe (
        BlockCodes(one, $0, of: format, threads: 1),
        Tensor(one, dequantizing: $0, from: format, threads: 1)
      )
    }
    guard let codes, let weights else { return nil }
    let part = group * size..<(group + 1) * size
    let start = column / size * size
    let line = row..<row + 1
    let first = block * format.weightCount + group * size
    let pruned = kept.map { kept in (0..<size).filter { !kept[first + $0] } } ?? []
    let values = part.enumerated().map { pruned.contains($0) ? 0 : weights[0, $1] }
    return CodedGroup(
      rows: isTransposed ? start..<start + size : line,
      columns: isTransposed ? line : start..<start + size,
      codes: part.map { Int(codes.codes[0, $0]) }, weights: values,
      scale: codes.scales[0, group], minimum: codes.minima?[0, group],
      blockScale: codes.blockScales?[0, 0],
      pruned: Set(pruned))
  }
}

extension Checkpoint {
  /// The format of the blocks that a tensor is stored in; nil if it is not stored in blocks.
  public func blockFormat(of name: String) -> BlockFormat? { BlockIndex(self)[name]?.format }

  /// The blocks that a parameter is stored in; nil where it is no such tensor, and
  /// where a pass has changed it since.
  ///
  /// Throws `CheckpointError.changed` when the file did.
  public func blocks(of parameter: Parameter) throws(CheckpointError) -> CodedBlocks? {
    guard let entry = BlockIndex(self).entry(of: parameter) else { return nil }
    return CodedBlocks(
      entry.format, entry.shape, isTransposed: parameter.isTransposed,
      try bytes[entry.byteRange].copy())
  }
}

extension CodedBlocks {
  /// Bits of the packed file for each weight of the matrix: a mask, codes, scales and
  /// minima, these of the blocks that have a kept weight.
  public var bits: (mask: Double, codes: Double, scales: Double, minima: Double) {
    guard let kept, shape.count > 0 else {
      return (
        0, format.codeBitsPerWeight, format.scaleBitsPerWeight, format.minimumBitsPerWeight
      )
    }
    let live = PrunedBlocks.liveBlocks(kept, format).count * format.weightCount
    let share = Double(live) / Double(shape.count)
    // Formats whose weights share bits keep whole blocks.
    let codes =
      BlockCoding.of(format).map { Double($0.bits * kept.keptCount) / Double(shape.count) }
      ?? share * format.codeBitsPerWeight
    return (
      1, codes, share * format.scaleBitsPerWeight, share * format.minimumBitsPerWeight
    )
  }
}

extension Parameter {
  /// The blocks of its file whose codes and scales its kept weights still have, where
  /// passes have done no more than prune; nil of all other weights. `weights` are its own.
  public func prunedBlocks(of weights: Weights) -> CodedBlocks? {
    guard origin != nil else { return nil }
    let kept = Bitmap.kept(of: weights.values, mask: weights.mask)
    return PrunedBlocks(self, weights.values, kept: kept).map {
      CodedBlocks($0, isMasked: weights.mask != nil)
    }
  }
}
