internal import Tensors

/// Rows of plain numbers of any type and order, also those of a transposed matrix or of a view
/// with strides.
struct DenseRows: RowReader {
  private let bytes: Bytes
  private let dtype: DType
  private let columns: Int
  /// Values from one row to the next, and from one column to the next.
  private let rowStride: Int
  private let columnStride: Int
  private let isBigEndian: Bool
  /// Those of numbers that the file has deflated.
  let keptByteCount: Int

  /// Columns that are read at once where a row's numbers are not neighbours.
  private static let tile = 16

  /// nil for a tensor that is no matrix. Throws as `IndexedTensor.bytes(in:)`, for a type that
  /// is not read, and when the file has changed.
  init?(
    _ tensor: IndexedTensor, in file: Bytes, isTransposed: Bool
  ) throws(CheckpointError) {
    guard tensor.shape.dimensions.count == 2 else { return nil }
    guard let dtype = tensor.dtype else {
      throw .unreadableType(tensor: tensor.name, dtype: tensor.dtypeName)
    }
    bytes = try tensor.bytes(in: file)
    keptByteCount = tensor.deflated == nil ? 0 : bytes.count
    try bytes.check()
    self.dtype = dtype
    isBigEndian = tensor.isBigEndian
    let strides = tensor.valueStrides
    (rowStride, columnStride) = isTransposed ? (strides[1], strides[0]) : (strides[0], strides[1])
    columns = isTransposed ? tensor.shape.rows : tensor.shape.columns
  }

  func read(_ rows: Range<Int>, into values: UnsafeMutablePointer<Float>) {
    guard columns > 0, !rows.isEmpty else { return }
    if isBigEndian || rowStride != 1 && columnStride != 1 {
      return unsafe gather(rows, into: values)
    }
    if columnStride != 1 { return unsafe readAcross(rows, into: values) }
    if rowStride == columns {
      return unsafe widen(from: rows.lowerBound * columns, rows.count * columns, into: values)
    }
    for row in rows {
      unsafe widen(
        from: row * rowStride, columns, into: values + (row - rows.lowerBound) * columns)
    }
  }

  func address(of rows: Range<Int>) -> UnsafePointer<Float>? {
    guard dtype == .f32, !isBigEndian, columnStride == 1, rowStride == columns else { return nil }
    let size = columns * dtype.byteCount
    return unsafe bytes[rows.lowerBound * size..<rows.upperBound * size].withUnsafeBytes {
      let isAligned = Int(bitPattern: $0.baseAddress) % MemoryLayout<Float>.alignment == 0
      return unsafe isAligned ? $0.baseAddress?.assumingMemoryBound(to: Float.self) : nil
    }
  }

  var multiplies: Bool { dtype.isReadDirectly && areNeighbours }

  func multiply(
    _ rows: Range<Int>, by input: RowInput, into output: UnsafeMutablePointer<Float>
  ) {
    _ = unsafe withRows(rows) {
      unsafe input.multiply(rows.count, of: dtype, $0, stride: rowStride, into: output)
      return true
    }
  }

  func pack(_ rows: Range<Int>, into panels: RowPanels) -> Bool {
    guard dtype == .bf16, areNeighbours else { return false }
    return unsafe withRows(rows) {
      unsafe panels.packShort(rows.count, $0, stride: rowStride)
    }
  }

  /// Whether a row's numbers are neighbours, in this machine's order.
  private var areNeighbours: Bool { !isBigEndian && columnStride == 1 }

  /// Calls `body` with the address of the first row; false where there are no rows. Precondition:
  /// `areNeighbours`.
  private func withRows(_ rows: Range<Int>, _ body: (UnsafeRawPointer) -> Bool) -> Bool {
    guard !rows.isEmpty else { return false }
    let size = dtype.byteCount
    let end = (rows.upperBound - 1) * rowStride + columns
    return unsafe bytes[rows.lowerBound * rowStride * size..<end * size].withUnsafeBytes {
      guard let start = $0.baseAddress else { return false }
      return unsafe body(start)
    }
  }

  var isShort: Bool { [.bf16, .f8e4m3, .f8e5m2, .i8, .u8, .bool].contains(dtype) }

  var origin: any FileBytes { bytes }

  /// Neighbouring numbers.
  private func widen(from first: Int, _ count: Int, into values: UnsafeMutablePointer<Float>) {
    let size = dtype.byteCount
    unsafe bytes[first * size..<(first + count) * size].withUnsafeBytes {
      unsafe dtype.widenRow($0, into: values, count: count)
    }
  }

  /// Rows whose numbers in one column are neighbours, some columns at a time.
  private func readAcross(_ rows: Range<Int>, into values: UnsafeMutablePointer<Float>) {
    let count = rows.count
    unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.tile * count) { tile in
      guard let tile = tile.baseAddress else { return }
      for first in stride(from: 0, to: columns, by: Self.tile) {
        let width = min(Self.tile, columns - first)
        for column in 0..<width {
          unsafe widen(
            from: (first + column) * columnStride + rows.lowerBound, count,
            into: tile + column * count)
        }
        for row in 0..<count {
          let target = unsafe values + row * columns + first
          for column in 0..<width { unsafe target[column] = tile[column * count + row] }
        }
      }
    }
  }

  /// Numbers from anywhere, one by one.
  private func gather(_ rows: Range<Int>, into values: UnsafeMutablePointer<Float>) {
    let size = dtype.byteCount
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: columns * size) { row in
      for index in rows {
        for column in 0..<columns {
          let start = (index * rowStride + column * columnStride) * size
          for byte in 0..<size {
            let source = isBigEndian ? size - 1 - byte : byte
            unsafe row.initializeElement(at: column * size + byte, to: bytes[start + source])
          }
        }
        unsafe dtype.widenRow(
          UnsafeRawBufferPointer(row), into: values + (index - rows.lowerBound) * columns,
          count: columns)
      }
    }
  }
}
