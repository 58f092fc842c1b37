extension Theme {
  /// Two pixels in a cell, one above the other, each a value in 0…1 (nil: nothing there),
  /// on the heat ramp. Without colours a shade of their mean; in ASCII one of ten signs.
  public func heatPixels(_ top: Double?, _ bottom: Double?) -> Cell {
    pixels(top, bottom) { heat($0) }
  }

  /// Two pixels of a mask in a cell, each the share of weights kept in 0…1 (nil: beyond the
  /// matrix): white is kept, black is pruned.
  public func maskPixels(_ top: Double?, _ bottom: Double?) -> Cell {
    let kept = self[.maskKept].foreground
    let pruned = self[.maskPruned].foreground
    return pixels(top, bottom) { pruned.mixed(with: kept, $0) }
  }

  private func pixels(_ top: Double?, _ bottom: Double?, _ color: (Double) -> Color) -> Cell {
    if top == nil, bottom == nil { return Cell(" ", self[.text]) }
    let background = self[.text].background
    guard !ascii, depth >= .indexed256 else { return shadedPixels(top, bottom) }
    guard let top else {
      return Cell(Glyphs.lowerHalf, Style(color(bottom ?? 0), on: background))
    }
    guard let bottom else { return Cell(Glyphs.upperHalf, Style(color(top), on: background)) }
    return Cell(Glyphs.upperHalf, Style(color(top), on: color(bottom)))
  }

  private func shadedPixels(_ top: Double?, _ bottom: Double?) -> Cell {
    let upper = Glyphs.unit(top ?? 0)
    let lower = Glyphs.unit(bottom ?? 0)
    let style = self[.text]
    if ascii { return Cell(Glyphs.asciiShade((upper + lower) / 2), style) }
    switch (upper, lower) {
    case (1, 0): return Cell(Glyphs.upperHalf, style)
    case (0, 1): return Cell(Glyphs.lowerHalf, style)
    default: return Cell(Glyphs.shade((upper + lower) / 2), style)
    }
  }
}

extension CellGrid {
  /// Draws a picture of two pixels a cell: `cell(column, row)` gives the sign for pixels
  /// (column, 2·row) and (column, 2·row + 1), usually by `Theme.maskPixels` or `heatPixels`.
  public mutating func picture(
    in area: Rect, clip: Rect? = nil, cell: (_ column: Int, _ row: Int) -> Cell
  ) {
    let visible = (clip ?? bounds).intersection(area).intersection(bounds)
    for y in visible.y..<max(visible.y, visible.bottom) {
      for x in visible.x..<max(visible.x, visible.right) {
        set(cell(x - area.x, y - area.y), x: x, y: y, in: visible)
      }
    }
  }
}
