public import Tensors

/// The blocks that a matrix is stored in, in memory.
public struct CodedBlocks: Sendable {
  public let format: BlockFormat
  /// As stored; rows are whole numbers of blocks.
  public let shape: Shape
  /// Whether the matrix is the transpose of what is stored.
  public let isTransposed: Bool
  private let bytes: [UInt8]

  init(_ format: BlockFormat, _ shape: Shape, isTransposed: Bool, _ bytes: [UInt8]) {
    self.format = format
    self.shape = shape
    self.isTransposed = isTransposed
    self.bytes = bytes
  }

  /// Counts all codes and measures the scales; nil when stopped.
  public func figures(
    threads: Int = Parallel.defaultThreads, shouldStop: @Sendable () -> Bool = { false }
  ) -> CodeFigures? {
    unsafe bytes.withUnsafeBytes {
      unsafe CodeFigures(shape, $0, of: format, threads: threads, shouldStop: shouldStop)
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
    return CodedGroup(
      rows: isTransposed ? start..<start + size : line,
      columns: isTransposed ? line : start..<start + size,
      codes: part.map { Int(codes.codes[0, $0]) }, weights: part.map { weights[0, $0] },
      scale: codes.scales[0, group], minimum: codes.minima?[0, group],
      blockScale: codes.blockScales?[0, 0])
  }
}

extension Checkpoint {
  /// The format of the blocks that a tensor is stored in; nil where it is none such.
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
