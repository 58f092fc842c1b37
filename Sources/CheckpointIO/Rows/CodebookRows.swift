internal import Tensors

/// Rows of weights whose codes are places in a table, in blocks counted over all weights.
struct CodebookRows: RowReader {
  private enum Magnitudes {
    case plain(StoredArray.Numbers)
    /// The codes, what they stand for, and the magnitude of each of their blocks.
    case nested(Bytes, table: [Float], StoredArray.Numbers, blockSize: Int, offset: Float)
  }

  private let bytes: Bytes
  private let table: [Float]
  private let magnitudes: Magnitudes
  private let blockSize: Int
  private let columns: Int
  /// Tables are a few hundred numbers.
  var keptByteCount: Int { 0 }

  init(_ matrix: CodebookMatrix) {
    bytes = matrix.codes.rowMajor
    table = matrix.table.floats
    blockSize = matrix.blockSize
    columns = matrix.shape.columns
    magnitudes =
      switch matrix.magnitudes {
      case .plain(let array): .plain(array.numbers(perRow: 1))
      case .nested(let codes, let table, let magnitudes, let blockSize, let offset):
        .nested(
          codes.rowMajor, table: table.floats, magnitudes.numbers(perRow: 1),
          blockSize: blockSize, offset: offset)
      }
  }

  func read(_ rows: Range<Int>, into values: UnsafeMutablePointer<Float>) {
    unsafe read(weights: rows.lowerBound * columns..<rows.upperBound * columns, into: values)
  }

  /// Some weights, counted over all rows.
  func read(weights range: Range<Int>, into values: UnsafeMutablePointer<Float>) {
    var index = range.lowerBound
    while index < range.upperBound {
      let block = index / blockSize
      let end = min((block + 1) * blockSize, range.upperBound)
      let magnitude = magnitude(of: block)
      while index < end {
        let byte = bytes[index / 2]
        let code = index % 2 == 0 ? byte >> 4 : byte & 15
        unsafe values[index - range.lowerBound] = table[Int(code)] * magnitude
        index += 1
      }
    }
  }

  private func magnitude(of block: Int) -> Float {
    switch magnitudes {
    case .plain(let numbers): numbers[block, 0]
    case .nested(let bytes, let table, let numbers, let blockSize, let offset):
      table[Int(bytes[block])] * numbers[block / blockSize, 0] + offset
    }
  }

  var origin: any FileBytes { bytes }
}
