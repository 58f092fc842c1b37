internal import CKernels
package import Tensors

/// The points that a walk rounds weights to (`pare_walk_grid`).
package struct WalkGrid {
  /// Of all rows for the first group, then of all for the next.
  private let scales: [Float]
  private let zeros: [Float]
  private let minima: [Float]
  /// Ascending; empty for all whole numbers from `low` to `high`.
  private let levels: [Float]
  private let rows: Int
  /// Columns that share a scale, in their own order.
  private let groupSize: Int
  private let low: Float
  private let high: Float

  /// Precondition: a grid of a matrix of that shape, without bit depths and not binary.
  package init(_ grid: QuantizationGrid, shape: Shape) {
    precondition(!grid.isBinary && !grid.hasDepths)
    let isOne = grid.scales.count == 1
    groupSize = isOne ? shape.columns : max(grid.groupSize, 1)
    rows = shape.rows
    let perRow = isOne ? 1 : (shape.columns + groupSize - 1) / groupSize
    func turned(_ values: [Float]) -> [Float] {
      if isOne { return [Float](repeating: values[0], count: shape.rows) }
      return Self.turned(values, rows: shape.rows, perRow: perRow)
    }
    scales = turned(grid.scales)
    zeros =
      grid.zeros.isEmpty
      ? [Float](repeating: 0, count: scales.count) : turned(grid.zeros.map { Float($0) })
    (minima, levels) = ([], [])
    (low, high) = (Float(grid.codes.lowerBound), Float(grid.codes.upperBound))
  }

  /// Scales and minima of blocks, for codes with these values, ascending.
  package init(_ blocks: BlockCodes, values: [Int]) {
    let (rows, perRow) = (blocks.scales.shape.rows, blocks.scales.shape.columns)
    self.rows = rows
    groupSize = blocks.groupSize
    scales = Self.turned(blocks.scales.array, rows: rows, perRow: perRow)
    zeros = []
    minima =
      blocks.minima.map { Self.turned($0.array, rows: rows, perRow: perRow) }
      ?? [Float](repeating: 0, count: scales.count)
    (low, high) = (Float(values.first ?? 0), Float(values.last ?? 0))
    let isWhole = zip(values.dropFirst(), values).allSatisfy { $0 - $1 == 1 }
    levels = isWhole ? [] : values.map { Float($0) }
  }

  private static func turned(_ values: [Float], rows: Int, perRow: Int) -> [Float] {
    (0..<perRow).flatMap { group in (0..<rows).map { values[$0 * perRow + group] } }
  }

  /// The group of each column of a walk.
  func groups(of order: [Int]) -> [UInt32] { order.map { UInt32($0 / groupSize) } }

  /// Some rows and columns of a walk, by the groups of its columns.
  func with(
    _ groups: [UInt32], row: Int, column: Int, _ body: (UnsafePointer<pare_walk_grid>) -> Void
  ) {
    unsafe scales.withUnsafeBufferPointer { scales in
      unsafe zeros.withUnsafeBufferPointer { zeros in
        unsafe minima.withUnsafeBufferPointer { minima in
          unsafe levels.withUnsafeBufferPointer { levels in
            unsafe groups.withUnsafeBufferPointer { groups in
              guard let scales = scales.baseAddress, let groups = groups.baseAddress else { return }
              func part(_ numbers: UnsafeBufferPointer<Float>) -> UnsafePointer<Float>? {
                numbers.isEmpty ? nil : unsafe numbers.baseAddress.map { unsafe $0 + row }
              }
              var grid = unsafe pare_walk_grid(
                scales: scales + row, zeros: part(zeros), minima: part(minima),
                levels: levels.baseAddress, level_count: levels.count, groups: groups + column,
                stride: rows, low: low, high: high)
              unsafe body(&grid)
            }
          }
        }
      }
    }
  }
}
