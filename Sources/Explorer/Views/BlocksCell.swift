internal import Terminal

/// One cell of the Blocks view: a bar between two edges, and its value.
struct BlocksCell {
  /// How much of the bar is filled; nil while it is not known.
  let share: Double?
  /// The value in that many columns at most.
  let text: (_ width: Int) -> String
  /// Columns that the value wants.
  let textWidth: Int
  let isMarked: Bool
  let isCursor: Bool
  /// Whether it steps back: not what is looked for, or known in part.
  let isDim: Bool
  /// Whether the value is a preview of a pass.
  let isPlanned: Bool
  /// Whether weights are NaN or infinite.
  let isBroken: Bool

  func draw(on grid: inout CellGrid, in area: Rect, _ theme: Theme) {
    let edge = theme[isCursor ? .cursor : .border]
    let bar = area.inset(left: 2, right: area.width - 2 - barWidth(in: area.width))
    let mark = isMarked ? "*" : isCursor ? "›" : " "
    grid.put(mark, x: area.x, y: area.y, theme[isMarked ? .marked : .accent], in: area)
    grid.put("▏", x: area.x + 1, y: area.y, edge, in: area)
    grid.put(
      isBroken ? "!" : "▕", x: bar.right, y: area.y, isBroken ? theme[.bad] : edge, in: area)
    if let share {
      grid.bar(
        share, in: bar, filled: theme[isDim ? .dim : isPlanned ? .preview : .barFilled],
        empty: theme[.barEmpty], clip: area)
    }
    let style = theme[isCursor ? .selected : isDim ? .dim : isPlanned ? .preview : .text]
    let place = area.inset(left: bar.right + 1 - area.x)
    grid.putLine(text(place.width), in: place, style)
  }

  /// A bar of four cells and more where there is room, and of two where the value needs it.
  private func barWidth(in width: Int) -> Int {
    let usual = max(width - 11, min(4, width - 4))
    // A mark, two edges.
    return max(0, min(usual, max(2, width - 3 - textWidth)))
  }
}
