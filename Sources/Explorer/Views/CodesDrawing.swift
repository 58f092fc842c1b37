internal import CheckpointIO
internal import Glibc
internal import Tensors
internal import Terminal
internal import Workspace

/// Draws a layer's codes: how often each is there, the scales they are multiples of,
/// what the bits go to, and the group under the cursor, weight by weight.
enum CodesDrawing {
  static func draw(
    _ snapshot: LayerSnapshot, _ state: AppState, on grid: inout CellGrid, in area: Rect
  ) {
    guard let layer = state.codes(snapshot.name, snapshot.revision) else {
      grid.putLine(
        "counting …", in: area, row: area.height / 2, .center, state.theme[.dim])
      return
    }
    guard let figures = layer.figures, let source = layer.source else {
      grid.putSentence(layer.complaint ?? "no codes", in: area, state.theme[.dim])
      return
    }
    let shape = snapshot.shape
    let row = min(state.layer.row, max(0, shape.rows - 1))
    let column = min(state.layer.column, max(0, shape.columns - 1))
    let facts = CodesText.facts(of: figures, source, width: area.width)
    // The counts come first where there is not room for all.
    let (head, below) = area.split(top: min(facts.count, area.height / 3))
    let (group, counts) = below.split(bottom: min(below.height / 2, max(3, below.height / 3)))
    for (index, line) in facts.prefix(head.height).enumerated() {
      grid.putLine(line, in: head, row: index, state.theme[.dim])
    }
    let found = layer.group(row: row, column: column, of: snapshot.tensor)
    let place = found.map { ($0, $0.place(row: row, column: column)) }
    CodeBars.draw(
      figures, marked: place.flatMap { $0.0.pruned.contains($0.1) ? nil : $0.0.codes[$0.1] }, state,
      on: &grid, in: counts)
    if let (found, index) = place { drawGroup(found, index, state, on: &grid, in: group) }
  }

  /// The group's formula, and under it codes with the weights they stand for; those
  /// around the cursor where there is not room for all.
  private static func drawGroup(
    _ group: CodedGroup, _ marked: Int, _ state: AppState, on grid: inout CellGrid,
    in area: Rect
  ) {
    let theme = state.theme
    let (head, list) = area.split(top: area.height < 4 ? 1 : 2)
    let formula = CodesText.formula(of: group)
    let lines = head.height == 1 ? [formula] : [CodesText.place(of: group), formula]
    for (index, line) in lines.enumerated() {
      grid.putLine(line, in: head, row: index, theme[.accent])
    }
    let width = CodesText.pairWidth
    let across = max(1, list.width / width)
    let first =
      max(
        0,
        min(
          marked / across - list.height / 2,
          (group.codes.count + across - 1) / across - list.height)) * across
    for place in 0..<across * list.height where first + place < group.codes.count {
      let index = first + place
      let cell = Rect(
        x: list.x + place % across * width, y: list.y + place / across, width: width - 2,
        height: 1
      ).intersection(list)
      grid.putLine(
        CodesText.pair(
          group.pruned.contains(index) ? nil : group.codes[index], group.weights[index]), in: cell,
        theme[index == marked ? .cursor : .text])
    }
  }
}

/// Draws how often each code is there.
enum CodeBars {
  /// `marked` is the code under the cursor.
  static func draw(
    _ figures: CodeFigures, marked: Int?, _ state: AppState, on grid: inout CellGrid,
    in area: Rect
  ) {
    guard area.height > 0, area.width > 0 else { return }
    let codes = figures.codes
    let across = (codes.count + area.height - 1) / area.height
    let width = (area.width - 2 * (across - 1)) / max(across, 1)
    if across > 0, width >= Self.narrowest {
      drawList(figures, marked, width, state, on: &grid, in: area)
    } else {
      drawColumns(figures, marked, state, on: &grid, in: area)
    }
  }

  /// Name, four cells of bar and the share.
  private static let narrowest = 16

  private static func drawList(
    _ figures: CodeFigures, _ marked: Int?, _ width: Int, _ state: AppState,
    on grid: inout CellGrid, in area: Rect
  ) {
    let theme = state.theme
    let names = figures.codes.map { String($0.value) }
    let widest = names.map(\.count).max() ?? 1
    let texts = figures.codes.map { code in
      let share = Decimal.percent(figures.share(of: code))
      let exact = "\(Count.exact(code.count))  \(share)"
      return (exact: exact, share: share)
    }
    let widestExact = texts.map(\.exact.columns).max() ?? 0
    let isExact = width - widest - widestExact - 2 >= 4
    let room = isExact ? widestExact : 7
    let most = figures.codes.map(\.count).max() ?? 0
    for (index, code) in figures.codes.enumerated() {
      let line = Rect(
        x: area.x + index / area.height * (width + 2), y: area.y + index % area.height,
        width: width, height: 1
      ).intersection(area)
      let (name, rest) = line.split(left: widest)
      let (text, bar) = rest.split(right: room)
      grid.putLine(
        names[index], in: name, .trailing, theme[code.value == marked ? .cursor : .text])
      grid.bar(
        height(code.count, of: most, state), in: bar.inset(left: 1, right: 1),
        filled: theme[.barFilled], clip: area)
      grid.putLine(
        isExact ? texts[index].exact : texts[index].share, in: text, .trailing, theme[.dim])
    }
  }

  /// As columns, several codes in one where there are more than columns.
  private static func drawColumns(
    _ figures: CodeFigures, _ marked: Int?, _ state: AppState, on grid: inout CellGrid,
    in area: Rect
  ) {
    let (axis, chart) = area.split(bottom: 1)
    let codes = figures.codes
    guard let first = codes.first, let last = codes.last else { return }
    let wide = max(1, chart.width / codes.count)
    let bins = min(codes.count, chart.width)
    guard bins > 0 else { return }
    let counts = (0..<bins).map { bin in
      codes[codes.count * bin / bins..<codes.count * (bin + 1) / bins].reduce(0) { $0 + $1.count }
    }
    let most = counts.max() ?? 0
    grid.columns(
      counts.flatMap { Array(repeating: height($0, of: most, state), count: wide) }, in: chart,
      state.theme[.barFilled], clip: area)
    let theme = state.theme
    grid.putLine(String(first.value), in: axis, theme[.dim])
    grid.putLine(String(last.value), in: axis, .trailing, theme[.dim])
    let shown = codes.first { $0.value == marked } ?? codes.max { $0.count < $1.count }
    if let shown, axis.width >= 30 {
      grid.putLine(
        "\(shown.value): \(Count.exact(shown.count)), \(Decimal.percent(figures.share(of: shown)))",
        in: axis, .center, theme[.text])
    }
  }

  /// 0…1 of a bar for a count.
  private static func height(_ count: Int, of most: Int, _ state: AppState) -> Double {
    guard most > 0 else { return 0 }
    return state.layer.isLogarithmic
      ? log1p(Double(count)) / log1p(Double(most)) : Double(count) / Double(most)
  }
}

/// What is said of codes.
enum CodesText {
  /// Columns of a code and its weight.
  static let pairWidth = 16

  static func facts(
    of figures: CodeFigures, _ source: LayerCodes.Source, width: Int
  ) -> [String] {
    var facts: [String] = []
    switch source {
    case .blocks(let blocks):
      let format = blocks.format
      facts += [
        "\(format.rawValue), \(bits(format.bitsPerWeight)) b/w",
        "codes \(bits(format.codeBitsPerWeight))",
        "scales \(bits(format.scaleBitsPerWeight))",
      ]
      if format.minimumBitsPerWeight > 0 {
        facts.append("minima \(bits(format.minimumBitsPerWeight))")
      }
      facts.append("blocks of \(format.weightCount)")
      if figures.groupSize < format.weightCount { facts.append("groups of \(figures.groupSize)") }
      if !format.isEven { facts.append("codes not evenly spaced") }
      if blocks.kept != nil { facts.append("of kept weights, under a mask") }
    case .grid(let grid):
      facts += [
        grid.hasDepths
          ? "a grid, codes of \(bits(grid.meanCodeBits)) bits on average"
          : "a grid, codes of \(grid.bits) \(grid.bits == 1 ? "bit" : "bits")",
        "groups of \(figures.groupSize)",
      ]
    }
    let spreads = [
      (figures.blockScales == nil ? "scales" : "group scales", figures.scales),
      ("block scales", figures.blockScales), ("minima", figures.minima),
    ]
    for (name, spread) in spreads {
      if let spread { facts += [text(of: spread, name)] }
    }
    return Facts.lines(facts, width: width)
  }

  /// `scales 0.001 … 0.002 … 0.004`: the least, the median and the greatest.
  private static func text(of spread: ValueSpread, _ name: String) -> String {
    let numbers = [spread.minimum, spread.median, spread.maximum]
    return "\(name) " + numbers.map { Decimal.short(Double($0)) }.joined(separator: " … ")
  }

  private static func bits(_ number: Double) -> String { Decimal.text(number, 2) }

  static func place(of group: CodedGroup) -> String {
    func text(_ name: String, _ range: Range<Int>) -> String {
      range.count == 1
        ? "\(name) \(range.lowerBound)"
        : "\(name)s \(range.lowerBound)–\(range.upperBound - 1)"
    }
    return "\(text("row", group.rows)), \(text("column", group.columns))"
  }

  /// `weight = code × 0.0034 - 0.021`.
  static func formula(of group: CodedGroup) -> String {
    let code = group.zero.map { $0 == 0 ? "code" : "(code - \($0))" } ?? "code"
    var text = "weight = \(code) × \(Decimal.short(Double(group.scale)))"
    if let minimum = group.minimum {
      let number = Decimal.short(Double(minimum.magnitude))
      text += minimum.sign == .minus ? " - \(number)" : " + \(number)"
    }
    if let block = group.blockScale, block != 0, group.scale.isFinite, block.isFinite {
      text += " (\(Decimal.text(Double(group.scale / block), 0)) × \(Decimal.short(Double(block))))"
    }
    return text
  }

  /// A pruned weight has no code.
  static func pair(_ code: Int?, _ weight: Float) -> String {
    let name = code.map { String($0) } ?? "–"
    return String(repeating: " ", count: max(0, 4 - name.count)) + name + " "
      + Decimal.short(Double(weight))
  }
}

extension CodedGroup {
  /// Which of its weights that of a row and a column is.
  fileprivate func place(row: Int, column: Int) -> Int {
    let place = rows.count > 1 ? row - rows.lowerBound : column - columns.lowerBound
    return min(max(place, 0), max(codes.count - 1, 0))
  }
}
