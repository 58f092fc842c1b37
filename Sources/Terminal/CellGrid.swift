/// A screenful of cells: what a view draws on and a terminal presents.
///
/// All drawing clips to a rectangle and to the grid: nothing outside is touched, and no
/// coordinate is out of range.
public struct CellGrid: Hashable, Sendable {
  public let columns: Int
  public let rows: Int
  /// Row by row; `columns` × `rows` cells.
  package private(set) var cells: [Cell]

  /// A blank grid; negative sizes count as 0.
  public init(columns: Int, rows: Int, filledWith cell: Cell = .blank) {
    self.columns = max(0, columns)
    self.rows = max(0, rows)
    cells = Array(repeating: cell, count: self.columns * self.rows)
  }

  /// The whole grid.
  public var bounds: Rect { Rect(width: columns, height: rows) }

  /// The cell at a place; blank outside the grid, where setting does nothing.
  ///
  /// A wide glyph, set, takes the next cell too (or becomes a space at the right edge), and
  /// half a glyph is never left over.
  public subscript(x: Int, y: Int) -> Cell {
    get { bounds.contains(x: x, y: y) ? cells[y * columns + x] : .blank }
    set { set(newValue, x: x, y: y, in: bounds) }
  }

  /// Fills the rectangle (the whole grid if nil) with one cell.
  public mutating func fill(_ area: Rect? = nil, with cell: Cell = .blank) {
    let area = (area ?? bounds).intersection(bounds)
    guard !area.isEmpty else { return }
    for y in area.y..<area.bottom {
      detach(x: area.x, y: y)
      detach(x: area.right, y: y)
      var x = area.x
      while x < area.right { x += set(cell, x: x, y: y, in: area) }
    }
  }

  /// Gives every cell of the rectangle this style, keeping its glyph.
  public mutating func restyle(_ area: Rect, _ style: Style) {
    restyle(area) { _ in style }
  }

  /// Changes the style of every cell of the rectangle, keeping its glyph.
  public mutating func restyle(_ area: Rect, _ change: (Style) -> Style) {
    let area = area.intersection(bounds)
    guard !area.isEmpty else { return }
    for y in area.y..<area.bottom {
      for index in y * columns + area.x..<y * columns + area.right {
        cells[index].style = change(cells[index].style)
      }
    }
  }

  /// Puts a cell inside `clip`; returns the columns it takes, 1 or 2.
  @discardableResult
  mutating func set(_ cell: Cell, x: Int, y: Int, in clip: Rect) -> Int {
    let cell = cell.isContinuation ? Cell(" ", cell.style) : cell
    let width = cell.width
    guard clip.contains(x: x, y: y), bounds.contains(x: x, y: y) else { return width }
    detach(x: x, y: y)
    let index = y * columns + x
    guard width == 2 else {
      detach(x: x + 1, y: y)
      cells[index] = cell
      return 1
    }
    guard x + 1 < min(clip.right, columns) else {
      detach(x: x + 1, y: y)
      cells[index] = Cell(" ", cell.style)
      return 2
    }
    detach(x: x + 2, y: y)
    cells[index] = cell
    cells[index + 1] = .continuation(cell.style)
    return 2
  }

  /// Adds a combining mark to the glyph at a place.
  mutating func combine(_ mark: Unicode.Scalar, x: Int, y: Int) {
    guard bounds.contains(x: x, y: y) else { return }
    var index = y * columns + x
    if cells[index].isContinuation, x > 0 { index -= 1 }
    cells[index].combine(mark)
  }

  /// Replaces each cell's glyph, keeping styles.
  mutating func mapCells(_ transform: (Cell) -> Cell) {
    for index in cells.indices { cells[index] = transform(cells[index]) }
  }

  /// Blanks a wide glyph that straddles the left edge of column `x`.
  private mutating func detach(x: Int, y: Int) {
    guard x > 0, x < columns, cells[y * columns + x].isContinuation else { return }
    let index = y * columns + x
    cells[index - 1] = Cell(" ", cells[index - 1].style)
    cells[index] = Cell(" ", cells[index].style)
  }
}
