package import Compression
public import Terminal
internal import Workspace

/// Where each dial of a sheet lies; the same for drawing and for the mouse.
public struct SheetLayout: Sendable {
  /// Columns of a dial's track.
  static let trackWidth = 22

  struct Item: Sendable {
    let dial: DialSetting
    let area: Rect
    /// The part that is dragged; for a choice, the word.
    let track: Rect
  }

  let items: [Item]
  /// The row that tells what would be left.
  let outcome: Rect

  public init(_ sheet: Sheet, in area: Rect) {
    let inner = area.inset(left: 2, top: 1, right: 1, bottom: 1)
    var x = inner.x
    var y = inner.y
    items = sheet.dials.map { dial in
      let width = Self.width(dial)
      if x > inner.x, x + width > inner.right {
        x = inner.x
        y += 1
      }
      defer { x += width + 3 }
      let trackX = x + dial.name.columns + (dial.share == nil ? 1 : 3)
      let trackWidth = dial.share == nil ? Self.valueText(dial).columns + 2 : Self.trackWidth
      return Item(
        dial: dial, area: Rect(x: x, y: y, width: width, height: 1),
        track: Rect(x: trackX, y: y, width: trackWidth, height: 1))
    }
    outcome = area.row(-1)
  }

  /// Rows the sheet wants at a width: a rule, its dials, and the outcome.
  static func height(_ sheet: Sheet, width: Int) -> Int {
    let layout = SheetLayout(sheet, in: Rect(width: width, height: 100))
    let last = layout.items.last?.area.y ?? 1
    return last + 2
  }

  /// The dial at a point of the screen.
  func dial(at x: Int, _ y: Int) -> Int? { items.firstIndex { $0.area.contains(x: x, y: y) } }

  /// How far along its track a column of the screen is, 0…1.
  func share(of index: Int, at x: Int) -> Double? {
    guard items.indices.contains(index) else { return nil }
    let track = items[index].track
    return Double(x - track.x) / Double(max(track.width - 1, 1))
  }

  package static func valueText(_ dial: DialSetting) -> String {
    switch (dial.control, dial.value) {
    case (.number(_, _, .share), .number(let share)):
      // Rounded first: 0.55 × 100 is not quite 55.
      let percent = (share * 1_000).rounded() / 10
      return Decimal.text(percent, percent == percent.rounded() ? 0 : 1) + " %"
    case (.number, .number(let value)): return Decimal.short(value)
    case (.text, .choice("")): return "self-written"
    case (.words, .choice("")): return "none"
    case (.integer, _), (.choice, _), (.text, _), (.words, _),
      (.number, .choice):
      return dial.value.description
    }
  }

  private static func width(_ dial: DialSetting) -> Int {
    let value = valueText(dial).columns
    return dial.share == nil
      ? dial.name.columns + 1 + value + 2 : dial.name.columns + 2 + trackWidth + 4 + max(value, 6)
  }
}

/// Draws a sheet of dials.
enum SheetDrawing {
  static func draw(_ sheet: Sheet, _ state: AppState, on grid: inout CellGrid, in area: Rect) {
    let theme = state.theme
    grid.fill(area, with: Cell(" ", theme[.text]))
    grid.hline(x: area.x, y: area.y, length: area.width, theme[.borderFocused], in: area)
    grid.put(" \(title(sheet, state)) ", x: area.x + 1, y: area.y, theme[.accent], in: area)
    let layout = SheetLayout(sheet, in: area)
    let selected = min(sheet.selected, layout.items.count - 1)
    if layout.items.isEmpty {
      let summary = Rect(x: area.x, y: area.y + 1, width: area.width, height: 1)
      grid.putLine(
        type(of: sheet.subject.dialed).summary, in: summary.inset(left: 2, right: 1), theme[.dim])
    }
    for (index, item) in layout.items.enumerated() where item.area.y < layout.outcome.y {
      draw(item, isSelected: index == selected, theme, on: &grid, in: area)
    }
    drawOutcome(sheet, state, on: &grid, in: layout.outcome.inset(left: 2, right: 1))
  }

  private static func draw(
    _ item: SheetLayout.Item, isSelected: Bool, _ theme: Theme, on grid: inout CellGrid,
    in area: Rect
  ) {
    let dial = item.dial
    let label = theme[isSelected ? .selected : .text]
    grid.put(dial.name, x: item.area.x, y: item.area.y, label, in: area)
    let value = SheetLayout.valueText(dial)
    guard let share = dial.share else {
      grid.put(
        [
          Span("‹", theme[.dialKnob]), Span(value, theme[isSelected ? .accent : .text]),
          Span("›", theme[.dialKnob]),
        ], x: item.track.x, y: item.track.y, in: area)
      return
    }
    grid.put("◂", x: item.track.x - 1, y: item.track.y, theme[.dialKnob], in: area)
    grid.dial(
      share, in: item.track, track: theme[.dialTrack],
      knob: theme[isSelected ? .accent : .dialKnob], clip: area)
    grid.put("▸", x: item.track.right, y: item.track.y, theme[.dialKnob], in: area)
    grid.put(
      value, x: item.track.right + 2, y: item.track.y, theme[isSelected ? .accent : .text],
      in: area)
  }

  private static func title(_ sheet: Sheet, _ state: AppState) -> String {
    switch sheet.subject {
    case .pass(let pass, let layers): "\(type(of: pass).name) ▸ \(text(layers, state))"
    case .training(let dials, let draft): "\(dials.title) ▸ on \(draft.textPath)"
    }
  }

  private static func text(_ layers: LayerSelection, _ state: AppState) -> String {
    let all = state.model.linearCount
    switch layers {
    case .all:
      let others = state.model.auxiliaryCount
      return "all \(all) layers"
        + (others > 0 ? ", \(others) of towers or adapters left alone" : "")
    case .named(let names): return "\(names.count) marked of \(all) layers"
    case .matching(let patterns): return "layers " + patterns.joined(separator: " ")
    }
  }

  private static func drawOutcome(
    _ sheet: Sheet, _ state: AppState, on grid: inout CellGrid, in line: Rect
  ) {
    let theme = state.theme
    if let complaint = sheet.complaint {
      grid.putLine("! " + complaint, in: line, theme[.bad])
      return
    }
    if case .training(_, let draft) = sheet.subject {
      grid.putLine("writes \(draft.output)", in: line, theme[.text])
      return
    }
    guard let preview = sheet.preview, let whole = preview.whole else {
      grid.putLine("would leave …", in: line, theme[.dim])
      return
    }
    let isCurrent = preview.step == sheet.step
    let isExact = isCurrent && whole.isExact
    let text =
      "would leave \(isCurrent && !isExact ? "about " : "")\(Count.text(whole.keptWeights)) weights · "
      + "sparsity \(Decimal.percent(whole.sparsity)) · \(ByteCount.text(whole.fileBytes)) packed"
      + (isCurrent ? "" : " (being recomputed)")
    grid.putLine(text, in: line, theme[isExact ? .text : .preview])
  }
}
