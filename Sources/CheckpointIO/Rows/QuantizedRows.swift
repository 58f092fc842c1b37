internal import Tensors

/// Rows of a quantizer's matrix: codes, and the scales and zero points of the row.
struct QuantizedRows: RowReader {
  let codes: StoredCodes.Rows
  let scales: ScaleRows
  let columns: Int
  var keptByteCount: Int { codes.keptByteCount + scales.keptByteCount }

  func read(_ rows: Range<Int>, into values: UnsafeMutablePointer<Float>) {
    for row in rows {
      let target = unsafe UnsafeMutableBufferPointer(
        start: values + (row - rows.lowerBound) * columns, count: columns)
      unsafe codes.read(row, into: target)
      unsafe scales.apply(toRow: row, target)
    }
  }

  var origin: any FileBytes { codes.bytes }
}
