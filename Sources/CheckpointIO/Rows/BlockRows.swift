internal import Tensors

/// Rows of blocks of ggml's formats.
struct BlockRows: RowReader {
  private let bytes: Bytes
  private let format: BlockFormat
  private let columns: Int
  var keptByteCount: Int { 0 }

  /// nil where a row of the parameter is a column of blocks, or is no whole number of them.
  init?(_ bytes: Bytes, _ format: BlockFormat, shape: Shape, isTransposed: Bool) {
    guard !isTransposed, shape.dimensions.count == 2,
      let byteCount = format.byteCount(of: shape), byteCount <= bytes.count
    else { return nil }
    self.bytes = bytes
    self.format = format
    columns = shape.columns
  }

  func read(_ rows: Range<Int>, into values: UnsafeMutablePointer<Float>) {
    let perRow = columns / format.weightCount
    let size = perRow * format.byteCount
    unsafe bytes[rows.lowerBound * size..<rows.upperBound * size].withUnsafeBytes {
      guard let start = $0.baseAddress else { return }
      unsafe format.dequantizeRow(
        start.assumingMemoryBound(to: UInt8.self), blocks: rows.count * perRow, into: values)
    }
  }

  var multiplies: Bool { RowInput.multiplies(format) }

  func multiply(
    _ rows: Range<Int>, by input: RowInput, into output: UnsafeMutablePointer<Float>
  ) {
    let size = columns / format.weightCount * format.byteCount
    unsafe bytes[rows.lowerBound * size..<rows.upperBound * size].withUnsafeBytes {
      guard let start = $0.baseAddress else { return }
      unsafe input.multiply(
        rows.count, of: format, start.assumingMemoryBound(to: UInt8.self), into: output)
    }
  }

  func pack(_ rows: Range<Int>, into panels: RowPanels) -> Bool {
    let size = columns / format.weightCount * format.byteCount
    return unsafe bytes[rows.lowerBound * size..<rows.upperBound * size].withUnsafeBytes {
      guard let start = $0.baseAddress else { return false }
      unsafe panels.pack(rows.count, of: format, start.assumingMemoryBound(to: UInt8.self))
      return true
    }
  }

  var origin: any FileBytes { bytes }
}
