extension CellGrid {
  /// The frame as a self-contained SVG picture in the theme's colours.
  ///
  /// Backgrounds and block elements become rectangles, all else text; neighbours alike are
  /// one element. The same frame gives the same bytes.
  public func svg(theme: Theme) -> String {
    var drawing = SVGDrawing(ink: theme.paper.ink, ground: theme.paper.ground)
    for y in 0..<rows {
      let row = Array(cells[y * columns..<(y + 1) * columns])
      drawing.grounds(row, y: y)
      drawing.blocks(row, y: y)
      drawing.texts(row, y: y)
    }
    return drawing.document(columns: columns, rows: rows)
  }
}

/// Elements of a picture of cells 8 × 16 units in size.
private struct SVGDrawing {
  let ink: Color
  let ground: Color
  private var body = ""
  /// The size of a cell: eighths fall on whole units.
  private let width = 8
  private let height = 16

  init(ink: Color, ground: Color) {
    self.ink = ink
    self.ground = ground
  }

  func document(columns: Int, rows: Int) -> String {
    let (w, h) = (columns * width, rows * height)
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(w) \(h)" width="\(w)" height="\(h)" \
      font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="13" \
      xml:space="preserve">
      <rect width="\(w)" height="\(h)" fill="\(name(ground))"/>
      \(body)</svg>

      """
  }

  mutating func grounds(_ row: [Cell], y: Int) {
    for run in runs(row, row.map { colors($0.style).ground }) where run.key != ground {
      rect(x: run.start * width, y: y * height, w: run.count * width, h: height, run.key)
    }
  }

  mutating func blocks(_ row: [Cell], y: Int) {
    let keys = row.map { cell in
      Block(cell.scalar).map { BlockKey($0, colors(cell.style).ink) }
    }
    for run in runs(row, keys) {
      guard let key = run.key else { continue }
      let b = key.block
      if b.w == 8 {
        rect(
          x: run.start * width, y: y * height + b.y, w: run.count * width, h: b.h, key.color,
          opacity: b.opacity)
      } else {
        for column in run.start..<run.start + run.count {
          rect(x: column * width + b.x, y: y * height + b.y, w: b.w, h: b.h, key.color)
        }
      }
    }
  }

  mutating func texts(_ row: [Cell], y: Int) {
    var keys = row.map { cell -> Style? in
      let isSpace = cell.scalar == " " && !cell.style.underline
      return isSpace || Block(cell.scalar) != nil ? nil : cell.style
    }
    // Words of one style with a space between are one text.
    for column in keys.indices.dropFirst().dropLast()
    where keys[column] == nil && row[column].scalar == " " {
      if let before = keys[column - 1], before == keys[column + 1] { keys[column] = before }
    }
    for run in runs(row, keys) {
      guard let style = run.key else { continue }
      let text = row[run.start..<run.start + run.count].map(\.text).joined()
      body += "<text x=\"\(run.start * width)\" y=\"\(y * height + 12)\""
      body += " textLength=\"\(run.count * width)\" lengthAdjust=\"spacingAndGlyphs\""
      body += " fill=\"\(name(colors(style).ink))\""
      if style.bold { body += " font-weight=\"bold\"" }
      if style.italic { body += " font-style=\"italic\"" }
      if style.underline { body += " text-decoration=\"underline\"" }
      body += ">\(escaped(text))</text>\n"
    }
  }

  private mutating func rect(
    x: Int, y: Int, w: Int, h: Int, _ color: Color, opacity: String? = nil
  ) {
    body += "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(w)\" height=\"\(h)\" fill=\"\(name(color))\""
    if let opacity { body += " fill-opacity=\"\(opacity)\"" }
    body += "/>\n"
  }

  /// Stretches of cells with the same key.
  private func runs<Key: Equatable>(
    _ row: [Cell], _ keys: [Key]
  ) -> [(start: Int, count: Int, key: Key)] {
    var runs: [(start: Int, count: Int, key: Key)] = []
    for (column, cell) in row.enumerated() {
      let here = keys[column]
      if let last = runs.last, last.key == here || cell.isContinuation {
        runs[runs.count - 1].count += 1
      } else {
        runs.append((column, 1, here))
      }
    }
    return runs
  }

  private func colors(_ style: Style) -> (ink: Color, ground: Color) {
    let front = style.foreground.isStandard ? ink : style.foreground
    let back = style.background.isStandard ? ground : style.background
    let pair = style.reverse ? (ink: back, ground: front) : (ink: front, ground: back)
    return style.dim ? (pair.ink.mixed(with: pair.ground, 0.4), pair.ground) : pair
  }

  private func name(_ color: Color) -> String {
    guard let c = color.components else { return "none" }
    let digits = Array("0123456789abcdef")
    return [c.red, c.green, c.blue].reduce(into: "#") {
      $0.append(digits[Int($1 >> 4)])
      $0.append(digits[Int($1 & 15)])
    }
  }

  private func escaped(_ text: String) -> String {
    var out = ""
    for character in text {
      switch character {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      default: out.append(character)
      }
    }
    return out
  }
}

/// A block element as the part of an 8 × 16 cell that it fills.
private struct Block: Equatable {
  var x = 0
  var y = 0
  var w = 8
  var h = 16
  var opacity: String? = nil

  init?(_ scalar: Unicode.Scalar) {
    switch scalar.value {
    case 0x2580: h = 8
    case 0x2581...0x2588:
      h = 2 * Int(scalar.value - 0x2580)
      y = 16 - h
    case 0x2589...0x258F: w = 8 - Int(scalar.value - 0x2588)
    case 0x2590: (x, w) = (4, 4)
    case 0x2591: opacity = "0.25"
    case 0x2592: opacity = "0.5"
    case 0x2593: opacity = "0.75"
    case 0x2594: h = 2
    case 0x2595: (x, w) = (7, 1)
    default: return nil
    }
  }
}

/// What makes two block elements one.
private struct BlockKey: Equatable {
  let block: Block
  let color: Color

  init(_ block: Block, _ color: Color) {
    self.block = block
    self.color = color
  }
}
