internal import Compression
internal import Tensors
public import Terminal
internal import Workspace

/// View 1: the whole model at a glance, a row a block, a column a layer kind.
public enum BlocksView: View {
  public typealias State = BlocksState
  public static let id = ViewID.blocks
  public static let title = "Blocks"
  public static let drawsBars = true
  public static let drawsWeights = true

  public static let bindings: [Binding] = [
    Binding(.enter, label: "open", help: "open the layer under the cursor, or unfold experts") {
      $0.openInBlocks()
    },
    Binding(.character(" "), label: "mark", help: "mark the layer: passes run on marked layers") {
      state in
      let names = state.blocks.layers(state).map(\.name)
      if names.allSatisfy(state.marked.contains) {
        state.marked.subtract(names)
      } else {
        state.marked.formUnion(names)
      }
      return []
    },
    Binding(
      .character("x"), help: "unfold the experts of the block, or fold them",
      unless: { $0.whyNoExperts }, action: { $0.toggleExperts() }),
    Binding(
      .character("X"), help: "unfold the experts of all blocks, or fold them",
      unless: { $0.model.hasExperts ? nil : $0.whyNoExperts },
      action: { $0.toggleAllExperts() }),
    Binding(.character("m"), label: "bars", help: "what the bars show: kept, bits, bytes, error …")
    { state in
      let all = BlocksState.Quantity.allCases
      let index = all.firstIndex(of: state.blocks.quantity) ?? 0
      state.blocks.quantity = all[(index + 1) % all.count]
      return []
    },
    Binding(.character("o"), label: "sort", help: "sort the rows by the bars, or by block") {
      state in
      state.blocks.isSorted.toggle()
      return []
    },
    Binding(.character("/"), label: "find", help: "show only layers whose name contains a text") {
      $0.openText(of: id, lead: "/", $0.blocks.filter)
    },
    Binding(.character("U"), help: "unmark all layers") { state in
      state.marked = []
      return []
    },
    Binding(
      .character("n"), help: "the next marked layer",
      unless: { $0.marked.isEmpty ? "No layer is marked; Space marks one." : nil },
      action: { $0.goToMarked(by: 1) }),
    Binding(
      .character("N"), help: "the marked layer before",
      unless: { $0.marked.isEmpty ? "No layer is marked; Space marks one." : nil },
      action: { $0.goToMarked(by: -1) }),
    Binding(.down, .character("j"), help: "a row down") { $0.moveInBlocks(1, 0) },
    Binding(.up, .character("k"), help: "a row up") { $0.moveInBlocks(-1, 0) },
    Binding(.right, .character("l"), help: "a column to the right") { $0.moveInBlocks(0, 1) },
    Binding(.left, .character("h"), help: "a column to the left") { $0.moveInBlocks(0, -1) },
    Binding(.pageDown, .control("f"), help: "a page down") { $0.moveInBlocks($0.rows - 8, 0) },
    Binding(.pageUp, .control("b"), help: "a page up") { $0.moveInBlocks(8 - $0.rows, 0) },
    Binding(.home, .character("g"), help: "the first row") { $0.moveInBlocks(-1_000_000, 0) },
    Binding(.end, .character("G"), help: "the last row") { $0.moveInBlocks(1_000_000, 0) },
  ]

  public static func draw(_ state: AppState, on grid: inout CellGrid, in area: Rect) {
    let layout = BlocksLayout(state, in: area)
    drawHeading(state, on: &grid, layout)
    let figures = state.figures[state.current] ?? [:]
    let rows = layout.rows
    if rows.isEmpty {
      let text =
        state.model.rows.isEmpty
        ? "This checkpoint holds no weights." : "No layer matches ‘\(state.blocks.filter)’."
      grid.putLine(text, in: layout.body, row: 1, .center, state.theme[.dim])
      return
    }
    let scale = BlocksScale(state)
    for (line, index) in layout.visible.enumerated() {
      drawRow(
        rows[index], at: layout.body.y + line, isHere: index == state.blocks.row, state, figures,
        scale, on: &grid, layout)
    }
  }

  private static func drawHeading(
    _ state: AppState, on grid: inout CellGrid, _ layout: BlocksLayout
  ) {
    let theme = state.theme
    let line = layout.heading
    grid.putLine("block", in: line.inset(left: 1), theme[.dim])
    for (index, kind) in layout.kinds {
      let area = layout.column(index)
      let style = theme[index == state.blocks.column ? .accent : .dim]
      let heading = Rect(x: area.x, y: line.y, width: area.width, height: 1)
      // The ends of long names tell them apart.
      grid.putLine(kind.truncatedAtStart(to: heading.width), in: heading, style)
    }
    let right = layout.summary
    grid.putLine(
      "kept  b/w",
      in: Rect(x: right.x, y: line.y, width: right.width, height: 1), .trailing, theme[.dim])
    var note = "bars: \(state.blocks.quantity.title)"
    if state.sheet?.preview?.whole != nil { note += ", as the pass would leave them" }
    if state.blocks.isSorted { note += " · sorted" }
    if !state.blocks.filter.isEmpty { note += " · /\(state.blocks.filter)" }
    if !state.marked.isEmpty { note += " · \(state.marked.count) marked" }
    if layout.rows.count > layout.visible.count {
      note +=
        " · rows \(layout.visible.lowerBound + 1)–\(layout.visible.upperBound)"
        + " of \(layout.rows.count)"
    }
    if layout.kinds.count < state.model.kinds.count {
      note +=
        " · columns \((layout.kinds.first?.0 ?? 0) + 1)–\((layout.kinds.last?.0 ?? 0) + 1)"
        + " of \(state.model.kinds.count)"
    }
    if let experts = state.expertsNote { note += " · " + experts }
    if let broken = state.nonFiniteNote { note = broken + " · " + note }
    grid.putLine(note, in: layout.note, theme[.dim])
  }

  private static func drawRow(
    _ row: ModelMap.Row, at y: Int, isHere: Bool, _ state: AppState,
    _ figures: [String: LayerStatistics], _ scale: BlocksScale, on grid: inout CellGrid,
    _ layout: BlocksLayout
  ) {
    let theme = state.theme
    let label = Rect(x: layout.body.x + 1, y: y, width: layout.labelWidth, height: 1)
    let isLeading = row.block == nil || state.model.hasExperts
    grid.putLine(row.label, in: label, isLeading ? .leading : .trailing, theme[.text])
    let totals = row.expertCount > 0 ? state.totals(of: row) : nil
    if row.block == nil, let layer = row.layers.first {
      let area = layout.column(layout.kinds.first?.0 ?? 0).atRow(y)
      draw(layer, in: area, isCursor: isHere, state, scale, layout.filter, on: &grid)
    } else {
      for (index, _) in layout.kinds {
        let isCursor = isHere && index == state.blocks.column
        let area = layout.column(index).atRow(y)
        if let total = totals?.columns[index] {
          let names = row.layers(inColumn: index)
          draw(names, total, in: area, isCursor: isCursor, state, scale, layout.filter, on: &grid)
          continue
        }
        if row.expert != nil, let router = row.router, router.column == index {
          drawRouting(of: row, router, in: area, isCursor: isCursor, state, on: &grid)
          continue
        }
        guard let layer = row.layer(inColumn: index) else {
          if isCursor { grid.put("›", x: area.x, y: y, theme[.accent], in: area) }
          continue
        }
        draw(layer, in: area, isCursor: isCursor, state, scale, layout.filter, on: &grid)
      }
    }
    if let totals {
      drawSummary(totals.all, theme, on: &grid, in: layout.summary.atRow(y))
      return
    }
    let preview = state.sheet?.preview?.whole?.layers ?? [:]
    drawSummary(row, figures, preview, theme, on: &grid, in: layout.summary.atRow(y))
  }

  private static func draw(
    _ layer: ModelMap.Layer, in area: Rect, isCursor: Bool, _ state: AppState,
    _ scale: BlocksScale, _ filter: NameFilter, on grid: inout CellGrid
  ) {
    let preview = state.sheet?.preview?.whole?.layers[layer.name]
    let figures = state.figures[state.current]?[layer.name]
    let unknown =
      layer.isCodes
      ? "codes" : figures?.isGone == true ? "gone" : figures?.isReshaped == true ? "n/a" : "…"
    let quantity = state.blocks.quantity
    let planned = preview.flatMap { quantity.value($0) }
    let value = layer.isCodes ? nil : planned ?? state.barValue(layer.name, quantity)
    let cell = BlocksCell(
      share: value.map(scale.share),
      text: { width in value.map { quantity.text($0, width: width) } ?? unknown },
      textWidth: quantity.textWidth,
      isMarked: state.marked.contains(layer.name), isCursor: isCursor,
      isDim: !filter.matches(layer), isPlanned: planned != nil,
      isBroken: figures?.isBroken == true)
    cell.draw(on: &grid, in: area, state.theme)
  }

  private static func drawSummary(
    _ row: ModelMap.Row, _ figures: [String: LayerStatistics],
    _ preview: [String: PreviewTotals.Layer], _ theme: Theme, on grid: inout CellGrid, in area: Rect
  ) {
    let layers = row.layers
    let known = layers.compactMap { figures[$0.name] }
    let isCodes = layers.contains(where: \.isCodes)
    guard known.count == layers.count, !known.isEmpty, !isCodes else {
      grid.putLine(isCodes ? "codes" : "…", in: area, .trailing, theme[.dim])
      return
    }
    let count = known.reduce(0.0) { $0 + Double($1.summary.count) }
    let isPreview = layers.contains { preview[$0.name] != nil }
    let zeros = zip(layers, known).reduce(0.0) {
      $0 + Double($1.1.summary.count) * (preview[$1.0.name]?.sparsity ?? $1.1.sparsity)
    }
    let bits = zip(layers, known).reduce(0.0) {
      $0 + Double(preview[$1.0.name]?.packedBytes ?? $1.1.packedBytes) * 8
    }
    let kept = count > 0 ? Decimal.percent(1 - zeros / count, 0) : "–"
    let depth = count > 0 ? Decimal.text(bits / count, 2) : "…"
    grid.putLine(
      "\(kept)  \(depth.leftPadded(5))", in: area, .trailing, theme[isPreview ? .preview : .text])
  }

  public static func handle(_ mouse: Mouse, in area: Rect, _ state: inout AppState) -> [Effect] {
    switch mouse.kind {
    case .wheelDown: return state.moveInBlocks(3, 0)
    case .wheelUp: return state.moveInBlocks(-3, 0)
    case .press:
      let layout = BlocksLayout(state, in: area)
      let line = mouse.y - layout.body.y
      guard line >= 0, line < layout.visible.count else { return [] }
      let row = layout.visible.lowerBound + line
      let column = layout.kinds.first { layout.column($0.0).containsColumn(mouse.x) }?.0
      let isAgain = row == state.blocks.row && (column ?? -1) == state.blocks.column
      state.blocks.row = row
      if let column { state.blocks.column = column }
      return isAgain ? state.openInBlocks() : []
    case .release, .drag, .move: return []
    }
  }

  public static func demands(_ state: AppState, in area: Rect) -> [Effect] {
    let layout = BlocksLayout(state, in: area)
    let figures = state.figures[state.current] ?? [:]
    let isSensitivityWanted =
      state.blocks.quantity == .sensitivity && state.whyNotRunnable == nil
      && state.sensitivities[state.current] == nil
    let more: [Effect] = isSensitivityWanted ? [.requestSensitivity(state.current)] : []
    let visible = state.namesToMeasure(layout.rows[layout.visible])
    guard visible.contains(where: { figures[$0] == nil }) else { return more }
    return [.requestFigures(state.current, visible: visible)] + more
  }
}

extension BlocksState.Quantity {
  /// What a preview tells of this quantity.
  fileprivate func value(_ layer: PreviewTotals.Layer) -> Double? {
    switch self {
    case .kept: 1 - layer.sparsity
    case .error: layer.error
    case .bits: layer.bitsPerWeight
    case .bytes: layer.packedBytes.map(Double.init)
    case .sensitivity, .outliers: nil
    }
  }
}

extension AppState {
  /// How many weights are NaN or infinite: of the layer under the cursor, else of all.
  fileprivate var nonFiniteNote: String? {
    if let layer = blocks.layer(self),
      let here = figures[current]?[layer.name]?.nonFinite, !here.isEmpty
    {
      return "! here: \(here)"
    }
    return tree[current]?.metrics.nonFinite?.presence.map { "! \($0) weights" }
  }

  /// Opens the layer under the cursor, or unfolds the experts there.
  mutating func openInBlocks() -> [Effect] {
    let layers = blocks.layers(self)
    guard let layer = layers.first else { return [] }
    if layers.count > 1 { return toggleExperts() }
    self.layer.open(layer.name)
    return show(.layer)
  }

  mutating func moveInBlocks(_ rows: Int, _ columns: Int) -> [Effect] {
    let count = shownRowCount
    blocks.row = max(0, min(count - 1, blocks.row + rows))
    blocks.column = max(0, min(max(0, model.kinds.count - 1), blocks.column + columns))
    return []
  }

  /// Moves the cursor to the next marked layer in reading order.
  mutating func goToMarked(by step: Int) -> [Effect] {
    let rows = shownRows
    guard !rows.isEmpty else { return [] }
    let blocks = self.blocks
    // The rest of this row, the rows after it and around, then all of this row.
    for offset in 0...rows.count {
      let row = ((blocks.row + offset * step) % rows.count + rows.count) % rows.count
      let there = rows[row].layers.filter {
        marked.contains($0.name)
          && ($0.expert == nil || rows[row].expert != nil || !blocks.isUnfolded(rows[row]))
          && (offset > 0 || (step > 0 ? $0.column > blocks.column : $0.column < blocks.column))
      }
      guard let layer = step > 0 ? there.first : there.last else { continue }
      (self.blocks.row, self.blocks.column) = (row, layer.column)
      return []
    }
    return []
  }
}

extension Rect {
  func atRow(_ y: Int) -> Rect { Rect(x: x, y: y, width: width, height: 1) }

  func containsColumn(_ column: Int) -> Bool { column >= x && column < right }
}

extension String {
  func leftPadded(_ width: Int) -> String { padded(to: width, .trailing) }
}
