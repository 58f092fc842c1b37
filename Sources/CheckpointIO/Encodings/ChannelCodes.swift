internal import Tensors

/// A tensor on a grid of bit depths: the grid, and the codes of `liveRows × liveColumns`. All
/// other codes are 0.
struct ChannelCodes: Sendable {
  let shape: Shape
  /// Of each row; an exponent of a row without depth is 0.
  let depths: [Float]
  let exponents: [Float]
  /// Rows with a code that is not 0, ascending.
  let liveRows: [Int]
  /// Columns with a code that is not 0, ascending; nil for all columns, if a list of them
  /// would cost more than it saves.
  let liveColumns: [Int]?
  /// Row by row, `liveRows × liveColumns`.
  let codes: [Int16]

  var liveColumnCount: Int { liveColumns?.count ?? shape.columns }

  /// The rows that have an exponent, ascending.
  var rowsOfDepth: [Int] { depths.indices.filter { depths[$0] > 0 } }

  /// Bits of the live codes, each of as many as its row's levels need.
  var codeBits: Int {
    liveRows.reduce(0) { $0 + ChannelDepth.width(of: codeRange(ofRow: $1)) * liveColumnCount }
  }

  func codeRange(ofRow row: Int) -> ClosedRange<Int> { ChannelDepth.codes(of: depths[row]) }

  var grid: QuantizationGrid {
    QuantizationGrid(depths: depths, exponents: exponents, columns: shape.columns)
  }

  /// The codes of one live row, by its position in `liveRows`.
  func codes(ofLive position: Int) -> ArraySlice<Int16> {
    codes[position * liveColumnCount..<(position + 1) * liveColumnCount]
  }

  /// nil unless the grid has a depth for each row and gives every value back bit
  /// for bit.
  init?(_ grid: QuantizationGrid, _ tensor: Tensor) {
    let shape = tensor.shape
    guard grid.hasDepths, grid.depths.count == shape.rows, grid.groupSize == max(shape.columns, 1),
      shape.count > 0, grid.zeros.isEmpty, !grid.isBinary
    else { return nil }
    let found = AllCodes(grid, tensor)
    guard found.isExact else { return nil }
    let liveRows = (0..<shape.rows).filter { found.isRowLive[$0] }
    let columns = (0..<shape.columns).filter { found.isColumnLive[$0] }
    let saved = (shape.columns - columns.count) * liveRows.count
    let liveColumns = saved > shape.columns ? columns : nil
    self.init(
      shape: shape, depths: grid.depths, exponents: grid.exponents, liveRows: liveRows,
      liveColumns: liveColumns,
      codes: liveRows.flatMap { row -> [Int16] in
        let codes = found.codes[row * shape.columns..<(row + 1) * shape.columns]
        guard let liveColumns else { return Array(codes) }
        return liveColumns.map { codes[codes.startIndex + $0] }
      })
  }

  init(
    shape: Shape, depths: [Float], exponents: [Float], liveRows: [Int], liveColumns: [Int]?,
    codes: [Int16]
  ) {
    self.shape = shape
    self.depths = depths
    self.exponents = exponents
    self.liveRows = liveRows
    self.liveColumns = liveColumns
    self.codes = codes
  }

  /// What a file says of the rows, before its codes are read; the exponents are
  /// those of the rows that have a depth.
  init(
    shape: Shape, depths: [Float], exponentsOfLive: [Float], liveRows: [Int], liveColumns: [Int]?
  ) {
    var exponents = [Float](repeating: 0, count: depths.count)
    let rows = depths.indices.lazy.filter { depths[$0] > 0 }
    for (row, exponent) in zip(rows, exponentsOfLive) { exponents[row] = exponent }
    // As the grid holds them.
    let grid = QuantizationGrid(depths: depths, exponents: exponents, columns: shape.columns)
    self.init(
      shape: shape, depths: grid.depths, exponents: grid.exponents, liveRows: liveRows,
      liveColumns: liveColumns, codes: [])
  }

  func with(_ codes: [Int16]) -> ChannelCodes {
    ChannelCodes(
      shape: shape, depths: depths, exponents: exponents, liveRows: liveRows,
      liveColumns: liveColumns, codes: codes)
  }

  /// The values: `scale × code`, and 0 where there is no code.
  var tensor: Tensor {
    let (scales, columns, width) = (grid.scales, shape.columns, liveColumnCount)
    return unsafe Tensor(shape) { target in
      unsafe target.initialize(repeating: 0)
      for (position, row) in liveRows.enumerated() {
        let (scale, start) = (scales[row], position * width)
        for index in 0..<width {
          let column = liveColumns?[index] ?? index
          unsafe target[row * columns + column] = scale * Float(codes[start + index])
        }
      }
    }
  }
}

/// The codes of all values, and where they are not 0.
private struct AllCodes {
  var codes: [Int16]
  var isExact = true
  var isRowLive: [Bool]
  var isColumnLive: [Bool]

  init(_ grid: QuantizationGrid, _ tensor: Tensor) {
    let (rows, columns) = (tensor.shape.rows, tensor.shape.columns)
    codes = [Int16](repeating: 0, count: rows * columns)
    isRowLive = [Bool](repeating: false, count: rows)
    isColumnLive = [Bool](repeating: false, count: columns)
    var columnBits = [Int16](repeating: 0, count: columns)
    unsafe tensor.withUnsafeValues { values in
      unsafe codes.withUnsafeMutableBufferPointer { codes in
        unsafe columnBits.withUnsafeMutableBufferPointer { columnBits in
          for row in 0..<rows {
            let start = row * columns
            let result = unsafe Self.encode(
              UnsafeBufferPointer(rebasing: values[start..<start + columns]), grid.scales[row],
              grid.codeRange(ofRow: row),
              UnsafeMutableBufferPointer(rebasing: codes[start..<start + columns]), columnBits)
            isExact = isExact && result.isExact
            isRowLive[row] = result.isLive
          }
        }
      }
    }
    for column in 0..<columns { isColumnLive[column] = columnBits[column] != 0 }
  }

  private static func encode(
    _ values: UnsafeBufferPointer<Float>, _ scale: Float, _ range: ClosedRange<Int>,
    _ codes: UnsafeMutableBufferPointer<Int16>, _ columnBits: UnsafeMutableBufferPointer<Int16>
  ) -> (isExact: Bool, isLive: Bool) {
    let (low, high) = (Float(range.lowerBound), Float(range.upperBound))
    var difference: UInt32 = 0
    var bits: Int16 = 0
    for index in 0..<values.count {
      let value = unsafe values[index]
      // 1.5 × 2²³: its sum with a small number is rounded to an integer.
      let rounded = value / scale + 0x1.8p23 - 0x1.8p23
      // Written so that NaN is held too.
      let held = rounded >= low ? (rounded <= high ? rounded : high) : low
      let code = Int16(held)
      difference |= (scale * Float(code)).bitPattern ^ value.bitPattern
      bits |= code
      unsafe codes[index] = code
      unsafe columnBits[index] |= code
    }
    return (difference == 0, bits != 0)
  }
}
