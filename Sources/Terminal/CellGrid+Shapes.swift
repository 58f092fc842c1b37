extension CellGrid {
  /// Draws a frame along the rectangle's edge with a title in its top; returns what is inside.
  ///
  /// Only the part inside `clip` is drawn; a rectangle below 2 × 2 has no frame.
  @discardableResult
  public mutating func box(
    _ area: Rect, title: String = "", _ style: Style = .plain, titleStyle: Style? = nil,
    in clip: Rect? = nil
  ) -> Rect {
    guard area.width >= 2, area.height >= 2 else { return area.inset() }
    let clip = (clip ?? bounds).intersection(area)
    hline(x: area.x + 1, y: area.y, length: area.width - 2, style, in: clip)
    hline(x: area.x + 1, y: area.bottom - 1, length: area.width - 2, style, in: clip)
    vline(x: area.x, y: area.y + 1, length: area.height - 2, style, in: clip)
    vline(x: area.right - 1, y: area.y + 1, length: area.height - 2, style, in: clip)
    set(Cell(Glyphs.topLeft, style), x: area.x, y: area.y, in: clip)
    set(Cell(Glyphs.topRight, style), x: area.right - 1, y: area.y, in: clip)
    set(Cell(Glyphs.bottomLeft, style), x: area.x, y: area.bottom - 1, in: clip)
    set(Cell(Glyphs.bottomRight, style), x: area.right - 1, y: area.bottom - 1, in: clip)
    if !title.isEmpty, area.width >= 6 {
      let text = " " + title.truncated(to: area.width - 5) + " "
      put(text, x: area.x + 1, y: area.y, titleStyle ?? style, in: clip)
    }
    return area.inset()
  }

  /// Draws a horizontal line.
  public mutating func hline(
    x: Int, y: Int, length: Int, _ style: Style = .plain,
    glyph: Unicode.Scalar = Glyphs.horizontal, in clip: Rect? = nil
  ) {
    let line = Rect(x: x, y: y, width: length, height: 1)
    fill(line.intersection(clip ?? bounds), with: Cell(glyph, style))
  }

  /// Draws a vertical line.
  public mutating func vline(
    x: Int, y: Int, length: Int, _ style: Style = .plain,
    glyph: Unicode.Scalar = Glyphs.vertical, in clip: Rect? = nil
  ) {
    let line = Rect(x: x, y: y, width: 1, height: length)
    fill(line.intersection(clip ?? bounds), with: Cell(glyph, style))
  }

  /// Draws a horizontal bar over each row of `area`, filled to `fraction` (0…1) of its width
  /// in eighths of a column.
  public mutating func bar(
    _ fraction: Double, in area: Rect, filled: Style = .plain, empty: Style? = nil,
    clip: Rect? = nil
  ) {
    let clip = (clip ?? bounds).intersection(area)
    let glyphs = Glyphs.bar(fraction, width: area.width)
    for y in clip.y..<max(clip.y, clip.bottom) {
      for (offset, glyph) in glyphs.enumerated() {
        let style = glyph == " " ? empty ?? filled : filled
        set(Cell(glyph, style), x: area.x + offset, y: y, in: clip)
      }
    }
  }

  /// Draws a dial: a track over the width of `area`'s first row with a knob at `fraction`.
  public mutating func dial(
    _ fraction: Double, in area: Rect, track: Style = .plain, knob: Style = .plain,
    clip: Rect? = nil
  ) {
    guard area.width > 0, area.height > 0 else { return }
    let clip = (clip ?? bounds).intersection(area)
    hline(x: area.x, y: area.y, length: area.width, track, glyph: Glyphs.track, in: clip)
    let place = Glyphs.unit(fraction) * Double(area.width - 1)
    set(Cell(Glyphs.knob, knob), x: area.x + Int(place.rounded()), y: area.y, in: clip)
  }

  /// Draws columns, the i-th filled to `values[i]` (0…1) of `area`'s height in eighths of a
  /// row, from its left edge on.
  ///
  /// With `behind`, those columns are drawn first, shaded, and show where they are higher.
  public mutating func columns(
    _ values: [Double], in area: Rect, _ style: Style = .plain, behind: [Double] = [],
    _ behindStyle: Style = .plain, clip: Rect? = nil
  ) {
    let clip = (clip ?? bounds).intersection(area)
    for offset in 0..<max(0, min(area.width, max(values.count, behind.count))) {
      let front = Glyphs.column(offset < values.count ? values[offset] : 0, height: area.height)
      let back = Glyphs.column(offset < behind.count ? behind[offset] : 0, height: area.height)
      for level in 0..<area.height {
        let y = area.bottom - 1 - level
        if front[level] != " " {
          set(Cell(front[level], style), x: area.x + offset, y: y, in: clip)
        } else if back[level] != " " {
          set(Cell(Glyphs.shades[0], behindStyle), x: area.x + offset, y: y, in: clip)
        }
      }
    }
  }
}
