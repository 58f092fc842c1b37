/// A drawing of dots, 2 × 4 in a cell, for curves and scatters.
public struct BrailleCanvas: Hashable, Sendable {
  /// The size in cells.
  public let columns: Int
  public let rows: Int
  private var dots: [UInt8]
  private var series: [Int]

  public init(columns: Int, rows: Int) {
    self.columns = max(0, columns)
    self.rows = max(0, rows)
    dots = Array(repeating: 0, count: self.columns * self.rows)
    series = Array(repeating: 0, count: self.columns * self.rows)
  }

  /// The size in dots.
  public var width: Int { columns * 2 }
  public var height: Int { rows * 4 }

  /// Sets a dot, counted from the top left; the cell takes the colour of the last series
  /// that drew in it. Outside the canvas nothing happens.
  public mutating func set(x: Int, y: Int, series number: Int = 0) {
    guard x >= 0, x < width, y >= 0, y < height else { return }
    let cell = y / 4 * columns + x / 2
    dots[cell] |= BrailleCanvas.bits[y % 4 * 2 + x % 2]
    series[cell] = number
  }

  /// Draws a straight line between two dots, the part of it on the canvas.
  public mutating func line(
    from start: (x: Int, y: Int), to end: (x: Int, y: Int), series number: Int = 0
  ) {
    let limit = 4 * (width + height) + 4
    func near(_ value: Int) -> Int { min(max(value, -limit), limit) }
    let (x0, y0, x1, y1) = (near(start.x), near(start.y), near(end.x), near(end.y))
    let steps = max(abs(x1 - x0), abs(y1 - y0), 1)
    for step in 0...steps {
      let t = Double(step) / Double(steps)
      set(
        x: x0 + Int((Double(x1 - x0) * t).rounded()),
        y: y0 + Int((Double(y1 - y0) * t).rounded()), series: number)
    }
  }

  /// Draws a curve through points in the unit square (0, 0 at the bottom left); a point that
  /// is not finite breaks it.
  public mutating func curve(_ points: [(x: Double, y: Double)], series number: Int = 0) {
    var previous: (x: Int, y: Int)? = nil
    for point in points {
      guard let dot = dot(point) else {
        previous = nil
        continue
      }
      line(from: previous ?? dot, to: dot, series: number)
      previous = dot
    }
  }

  /// Draws the points of a scatter, in the unit square.
  public mutating func scatter(_ points: [(x: Double, y: Double)], series number: Int = 0) {
    for point in points {
      if let dot = dot(point) { set(x: dot.x, y: dot.y, series: number) }
    }
  }

  /// The cell that a point of the unit square falls in, counted from the top left; nil where
  /// it is not on the canvas.
  public func cell(_ point: (x: Double, y: Double)) -> (column: Int, row: Int)? {
    guard let dot = dot(point), dot.x >= 0, dot.x < width, dot.y >= 0, dot.y < height else {
      return nil
    }
    return (dot.x / 2, dot.y / 4)
  }

  /// The sign of one cell.
  public func glyph(column: Int, row: Int) -> Unicode.Scalar {
    guard column >= 0, column < columns, row >= 0, row < rows else { return " " }
    return Glyphs.braille(dots[row * columns + column])
  }

  /// Which series drew last in a cell; nil where nothing is drawn.
  public func series(column: Int, row: Int) -> Int? {
    guard column >= 0, column < columns, row >= 0, row < rows else { return nil }
    let cell = row * columns + column
    return dots[cell] == 0 ? nil : series[cell]
  }

  private func dot(_ point: (x: Double, y: Double)) -> (x: Int, y: Int)? {
    guard point.x.isFinite, point.y.isFinite, width > 0, height > 0 else { return nil }
    func place(_ value: Double, _ length: Int) -> Int {
      Int((min(max(value, -8), 8) * Double(length - 1)).rounded())
    }
    return (place(point.x, width), height - 1 - place(point.y, height))
  }

  /// Unicode's bit for each dot, row by row (see `Glyphs.braille`).
  private static let bits: [UInt8] = [0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80]
}

extension CellGrid {
  /// Puts a drawing of dots with its top left at the area's; empty cells are left as they are.
  public mutating func put(
    _ canvas: BrailleCanvas, in area: Rect, clip: Rect? = nil, style: (Int) -> Style
  ) {
    let clip = (clip ?? bounds).intersection(area)
    for row in 0..<min(canvas.rows, area.height) {
      for column in 0..<min(canvas.columns, area.width) {
        guard let series = canvas.series(column: column, row: row) else { continue }
        set(
          Cell(canvas.glyph(column: column, row: row), style(series)), x: area.x + column,
          y: area.y + row, in: clip)
      }
    }
  }
}
