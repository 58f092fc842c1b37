/// A rectangle of cells; never of negative size.
public struct Rect: Hashable, Sendable {
  public let x: Int
  public let y: Int
  public let width: Int
  public let height: Int

  public init(x: Int = 0, y: Int = 0, width: Int, height: Int) {
    self.x = x
    self.y = y
    self.width = max(0, width)
    self.height = max(0, height)
  }

  public static let zero = Rect(width: 0, height: 0)

  /// The first column to the right of it.
  public var right: Int { x + width }
  /// The first row below it.
  public var bottom: Int { y + height }
  public var isEmpty: Bool { width == 0 || height == 0 }

  public func contains(x column: Int, y row: Int) -> Bool {
    column >= x && column < right && row >= y && row < bottom
  }

  /// What both have in common; empty if nothing.
  public func intersection(_ other: Rect) -> Rect {
    let left = max(x, other.x)
    let top = max(y, other.y)
    return Rect(
      x: left, y: top, width: min(right, other.right) - left,
      height: min(bottom, other.bottom) - top)
  }

  /// Without a margin on every side.
  public func inset(by margin: Int = 1) -> Rect {
    inset(left: margin, top: margin, right: margin, bottom: margin)
  }

  /// Without margins on the sides given.
  public func inset(left: Int = 0, top: Int = 0, right: Int = 0, bottom: Int = 0) -> Rect {
    let left = min(left, width)
    let top = min(top, height)
    return Rect(
      x: x + left, y: y + top, width: width - left - right, height: height - top - bottom)
  }

  /// One row of it, counted from its top; from its bottom if negative. Empty if there is none.
  public func row(_ index: Int) -> Rect {
    let offset = index < 0 ? height + index : index
    guard offset >= 0, offset < height else { return Rect(x: x, y: y, width: width, height: 0) }
    return Rect(x: x, y: y + offset, width: width, height: 1)
  }

  /// The `columns` at the left (fewer if there are not so many), and the rest.
  public func split(left columns: Int) -> (left: Rect, rest: Rect) {
    let n = min(max(0, columns), width)
    return (
      Rect(x: x, y: y, width: n, height: height),
      Rect(x: x + n, y: y, width: width - n, height: height)
    )
  }

  /// The `columns` at the right, and the rest.
  public func split(right columns: Int) -> (right: Rect, rest: Rect) {
    let n = min(max(0, columns), width)
    let (rest, right) = split(left: width - n)
    return (right, rest)
  }

  /// The `rows` at the top, and the rest.
  public func split(top rows: Int) -> (top: Rect, rest: Rect) {
    let n = min(max(0, rows), height)
    return (
      Rect(x: x, y: y, width: width, height: n),
      Rect(x: x, y: y + n, width: width, height: height - n)
    )
  }

  /// The `rows` at the bottom, and the rest.
  public func split(bottom rows: Int) -> (bottom: Rect, rest: Rect) {
    let n = min(max(0, rows), height)
    let (rest, bottom) = split(top: height - n)
    return (bottom, rest)
  }

  /// Side by side, in proportion to `weights`, with `gap` columns between; together they
  /// fill the rectangle exactly.
  public func columns(weights: [Int], gap: Int = 0) -> [Rect] {
    Rect.shares(of: width, weights: weights, gap: gap).map {
      Rect(x: x + $0.start, y: y, width: $0.length, height: height)
    }
  }

  /// One above the other, in proportion to `weights`, with `gap` rows between.
  public func rows(weights: [Int], gap: Int = 0) -> [Rect] {
    Rect.shares(of: height, weights: weights, gap: gap).map {
      Rect(x: x, y: y + $0.start, width: width, height: $0.length)
    }
  }

  /// A rectangle of at most this size in the middle.
  public func centered(width wanted: Int, height tall: Int) -> Rect {
    let w = min(max(0, wanted), width)
    let h = min(max(0, tall), height)
    return Rect(x: x + (width - w) / 2, y: y + (height - h) / 2, width: w, height: h)
  }

  private static func shares(
    of length: Int, weights: [Int], gap: Int
  ) -> [(start: Int, length: Int)] {
    let total = weights.reduce(0) { $0 + max(0, $1) }
    let room = max(0, length - gap * max(0, weights.count - 1))
    var passed = 0
    return weights.enumerated().map { index, weight in
      let from = total == 0 ? 0 : room * passed / total
      passed += max(0, weight)
      let to = total == 0 ? 0 : room * passed / total
      return (min(length, from + index * gap), to - from)
    }
  }
}
