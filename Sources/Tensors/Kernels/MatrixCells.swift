import CKernels

/// A matrix, or a region of it, as a picture of few cells.
public struct MatrixCells: Sendable, Hashable {
  public let rows: Int
  public let columns: Int
  /// Mean |w| of each cell, row by row; NaN counts as 0.
  public let mean: [Float]
  /// Largest |w| of each cell, row by row.
  public let maximum: [Float]

  /// Draws a region of a tensor, one thread per row of cells. nil when stopped.
  ///
  /// Cells divide the region evenly; with more cells than rows or columns, some
  /// show the same.
  public init?(
    of tensor: Tensor, rows: Range<Int>? = nil, columns: Range<Int>? = nil,
    cells: (rows: Int, columns: Int), threads: Int = Parallel.defaultThreads,
    shouldStop: @Sendable () -> Bool = { false }
  ) {
    let (allRows, allColumns) = (0..<tensor.shape.rows, 0..<tensor.shape.columns)
    let region = (rows ?? allRows).clamped(to: allRows)
    let places = (columns ?? allColumns).clamped(to: allColumns)
    let down = CellRanges(region, count: cells.rows)
    let across = CellRanges(places, count: cells.columns)
    self.rows = down.count
    self.columns = across.count
    var picture = [Float](repeating: 0, count: 2 * down.count * across.count)
    guard !down.isEmpty, !across.isEmpty else {
      mean = Array(picture[..<(picture.count / 2)])
      maximum = mean
      return
    }
    let size = down.count * across.count
    let finished = unsafe picture.withUnsafeMutableBufferPointer { picture in
      let out = unsafe Shared(picture)
      return Parallel.forEach(count: down.count, threads: threads, shouldStop: shouldStop) { line in
        let figures = Self.columnFigures(of: tensor, rows: down[line], columns: places)
        for cell in 0..<across.count {
          let range =
            across[cell].lowerBound - places.lowerBound..<across[cell].upperBound
            - places.lowerBound
          let sum = figures.sums[range].reduce(0.0) { $0 + Double($1) }
          let place = line * across.count + cell
          unsafe out.pointer[place] = Float(sum / Double(range.count * down[line].count))
          unsafe out.pointer[size + place] = figures.maxima[range].reduce(0, max)
        }
      }
    }
    guard finished else { return nil }
    mean = Array(picture[..<size])
    maximum = Array(picture[size...])
  }

  private static func columnFigures(
    of tensor: Tensor, rows: Range<Int>, columns: Range<Int>
  ) -> (sums: [Float], maxima: [Float]) {
    var sums = [Float](repeating: 0, count: columns.count)
    var maxima = sums
    unsafe tensor.withUnsafeValues { values in
      guard let start = values.baseAddress else { return }
      for row in rows {
        let first = row * tensor.shape.columns + columns.lowerBound
        unsafe pare_add_magnitudes(
          KernelLevel.best, start + first, columns.count, &sums, &maxima)
      }
    }
    return (sums, maxima)
  }
}
