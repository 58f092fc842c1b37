internal import Terminal
internal import Workspace

extension BlocksView {
  /// A column of a block's folded experts: what is known of them, taken together.
  static func draw(
    _ layers: ArraySlice<ModelMap.Layer>, _ total: LayersTotal, in area: Rect, isCursor: Bool,
    _ state: AppState, _ scale: BlocksScale, _ filter: NameFilter, on grid: inout CellGrid
  ) {
    let quantity = state.blocks.quantity
    let isWanted = filter.text.isEmpty || layers.contains(where: filter.matches)
    let marked = state.marked
    let cell = BlocksCell(
      share: total.barValue(quantity).map(scale.share),
      text: { width in total.value(quantity).map { quantity.text($0, width: width) } ?? "…" },
      textWidth: quantity.textWidth,
      isMarked: !marked.isEmpty && layers.contains { marked.contains($0.name) },
      isCursor: isCursor, isDim: !isWanted || !total.isWhole,
      isPlanned: total.isPlanned && (quantity == .kept || quantity == .error),
      isBroken: total.isBroken)
    cell.draw(on: &grid, in: area, state.theme)
  }

  /// The share of the tokens that an expert takes, or, while that is not known, the norm of the
  /// weights that score it; drawn against the largest of the block's.
  static func drawRouting(
    of row: ModelMap.Row, _ router: ModelMap.Layer, in area: Rect, isCursor: Bool,
    _ state: AppState, on grid: inout CellGrid
  ) {
    let tokens = state.tokens(of: row)
    let routing = state.routing(of: row)
    let cell = BlocksCell(
      share: tokens?.ofLargest ?? routing?.share,
      text: { width in
        if let tokens {
          let text = Decimal.percent(tokens.share)
          return text.columns <= width ? text : Decimal.percent(tokens.share, 0)
        }
        let texts = routing.map { routing in (0...3).map { Decimal.text(routing.norm, 3 - $0) } }
        return texts.map { $0.first { $0.columns <= width } ?? $0[3] } ?? "…"
      },
      textWidth: 5,
      isMarked: state.marked.contains(router.name), isCursor: isCursor, isDim: false,
      isPlanned: false,
      isBroken: state.figures[state.current]?[router.name]?.isBroken == true)
    cell.draw(on: &grid, in: area, state.theme)
  }

  /// Share and bits of a block with experts, over the layers that are known.
  static func drawSummary(
    _ total: LayersTotal, _ theme: Theme, on grid: inout CellGrid, in area: Rect
  ) {
    guard let kept = total.value(.kept) else {
      grid.putLine("…", in: area, .trailing, theme[.dim])
      return
    }
    let depth = total.isPlanned ? "…" : total.value(.bits).map { Decimal.text($0, 2) } ?? "…"
    grid.putLine(
      "\(Decimal.percent(kept, 0))  \(depth.leftPadded(5))", in: area, .trailing,
      theme[total.isPlanned ? .preview : total.isWhole ? .text : .dim])
  }
}

extension AppState {
  /// Most layers of folded experts that are asked for at once.
  private static let expertDemandLimit = 512

  /// Layers whose figures the rows need, those with a row to themselves first.
  func namesToMeasure(_ rows: ArraySlice<ModelMap.Row>) -> [String] {
    let figures = self.figures[current] ?? [:]
    var names: [String] = []
    var folded: [String] = []
    for row in rows {
      guard row.expertCount > 0 else {
        names += row.layers.map(\.name)
        if row.expert != nil, let router = row.router { names.append(router.name) }
        continue
      }
      guard !totals(of: row).all.isWhole else { continue }
      for layer in row.layers where figures[layer.name] == nil {
        if layer.expert == nil {
          names.append(layer.name)
        } else if folded.count < Self.expertDemandLimit {
          folded.append(layer.name)
        }
      }
    }
    return names + folded
  }

  /// What the Blocks view says of the experts under the cursor.
  var expertsNote: String? {
    guard model.hasExperts, let row = blocks.row(self) else { return nil }
    if let expert = row.expert {
      let place = "expert \(expert) of block \(row.block ?? 0)"
      let figure = tokens(of: row) == nil ? "norm of its row" : "share of the tokens"
      return row.router.map { place + ", \($0.kind): \(figure)" } ?? place
    }
    guard row.expertCount > 0 else { return nil }
    return blocks.isUnfolded(row) ? "x folds the experts" : "x unfolds the experts"
  }
}
