/// Which rows and columns of a matrix stay; nil is all of them. A tensor of one
/// axis has rows of one value.
public struct Selection: Sendable, Hashable {
  public var rows: [Int]?
  public var columns: [Int]?

  public init(rows: [Int]? = nil, columns: [Int]? = nil) {
    self.rows = rows
    self.columns = columns
  }

  package var isAll: Bool { rows == nil && columns == nil }

  /// This selection, then `next` applied to its result.
  package func then(_ next: Selection) -> Selection {
    func compose(_ first: [Int]?, _ second: [Int]?) -> [Int]? {
      guard let first else { return second }
      return second.map { $0.map { first[$0] } } ?? first
    }
    return Selection(
      rows: compose(rows, next.rows), columns: compose(columns, next.columns))
  }

  /// Shape of the selected part of a tensor.
  package func shape(of shape: Shape) -> Shape {
    let isVector = shape.dimensions.count < 2
    let rows = rows?.count ?? (isVector ? shape.count : shape.rows)
    return isVector ? [rows] : [rows, columns?.count ?? shape.columns]
  }

  /// Copies what is left of `source`, of shape `shape`, one row after the other.
  package func gather(
    _ source: UnsafePointer<Float>, _ shape: Shape, to target: UnsafeMutablePointer<Float>
  ) {
    forEach(shape) { unsafe target[$0] = source[$1] }
  }

  /// The way back: writes `source` to its places in a tensor of shape `shape`.
  package func scatter(
    _ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, _ shape: Shape
  ) {
    forEach(shape) { unsafe target[$1] = source[$0] }
  }

  /// Calls `body` with the number of each value that is left, and its number in all.
  private func forEach(_ shape: Shape, _ body: (Int, Int) -> Void) {
    let isVector = shape.dimensions.count < 2
    let width = isVector ? 1 : shape.columns
    let rows = rows ?? Array(0..<(isVector ? shape.count : shape.rows))
    let columns = columns ?? Array(0..<width)
    var next = 0
    for row in rows {
      for column in columns {
        body(next, row * width + column)
        next += 1
      }
    }
  }
}
