internal import Terminal
internal import Workspace

/// Draws bits (left axis) and validation loss (right axis) over steps.
enum TrainingChart {
  private static let axisWidth = 7

  static func draw(_ state: AppState, on grid: inout CellGrid, in area: Rect) {
    let theme = state.theme
    let run = state.shownRun
    let name = run.isCompressing ? "bits per weight (Q)" : "loss"
    var title = "\(name), left · validation loss ○, right"
    if let other = state.shownRunTitle { title = "\(other) · \(title)" }
    if !run.marks.isEmpty { title += " · ▲ γ changed" }
    let inner = grid.box(area, title: title, theme[.border], in: area)
    let (axis, body) = inner.split(bottom: 1)
    let (left, rest) = body.split(left: axisWidth)
    let (right, chart) = rest.split(right: axisWidth)
    guard chart.height > 0, chart.width > 0 else { return }
    let last = max(run.stepCount ?? 0, run.latest.step, 1)
    drawAxis(bounds(run.left, fromZero: run.isCompressing), theme[.accent], on: &grid, in: left)
    drawAxis(bounds(run.validation, fromZero: false), theme[.warning], on: &grid, in: right)
    grid.putLine("0", in: axis.inset(left: axisWidth), theme[.dim])
    grid.putLine(
      "step \(last)", in: axis.inset(right: axisWidth), .trailing, theme[.dim])
    var canvas = BrailleCanvas(columns: chart.width, rows: chart.height)
    let bits = places(run.left, last, fromZero: run.isCompressing)
    let validation = places(run.validation, last, fromZero: false)
    canvas.curve(validation, series: 1)
    canvas.curve(bits, series: 0)
    grid.put(canvas, in: chart, clip: chart) { theme[$0 == 0 ? .accent : .warning] }
    for point in validation {
      guard let cell = canvas.cell(point) else { continue }
      grid.put("○", x: chart.x + cell.column, y: chart.y + cell.row, theme[.warning], in: chart)
    }
    for step in run.marks {
      guard let cell = canvas.cell((Double(step) / Double(last), 0)) else { continue }
      grid.put("▲", x: chart.x + cell.column, y: axis.y, theme[.marked], in: axis)
    }
  }

  /// The axis of a curve: its values with a little room.
  private static func bounds(
    _ curve: TrainingCurve, fromZero: Bool
  ) -> ClosedRange<Double>? {
    guard let range = curve.range else { return nil }
    let low = fromZero ? min(0, range.lowerBound) : range.lowerBound
    let room = max((range.upperBound - low) * 0.05, abs(range.upperBound) * 1e-3, 1e-6)
    return (fromZero ? low : low - room)...(range.upperBound + room)
  }

  private static func places(
    _ curve: TrainingCurve, _ last: Int, fromZero: Bool
  ) -> [(x: Double, y: Double)] {
    guard let bounds = bounds(curve, fromZero: fromZero) else { return [] }
    let height = bounds.upperBound - bounds.lowerBound
    return curve.points.map {
      (Double($0.step) / Double(last), ($0.value - bounds.lowerBound) / height)
    }
  }

  private static func drawAxis(
    _ bounds: ClosedRange<Double>?, _ style: Style, on grid: inout CellGrid, in area: Rect
  ) {
    guard let bounds else { return }
    let middle = (bounds.lowerBound + bounds.upperBound) / 2
    let labels = [
      (0, bounds.upperBound), (area.height / 2, middle), (area.height - 1, bounds.lowerBound),
    ]
    for (row, value) in labels {
      grid.putLine(Decimal.text(value, 3), in: area.inset(right: 1), row: row, .trailing, style)
    }
  }
}

/// Draws the same layer of three blocks side by side: histograms or masks.
enum TrainingPictures {
  static func draw(_ state: AppState, on grid: inout CellGrid, in area: Rect) {
    let layers = state.trainingLayers
    guard !layers.isEmpty else { return }
    let panes = area.columns(weights: layers.map { _ in 1 }, gap: 1)
    for (layer, pane) in zip(layers, panes) {
      let snapshot = state.snapshot(layer.name, state.current)
      var title = layer.path
      if let sparsity = snapshot?.statistics.sparsity {
        title += " · kept \(Decimal.percent(1 - sparsity, 0))"
      }
      let inner = grid.box(pane, title: title, state.theme[.border], in: area)
      if state.training.picture == .histograms {
        HistogramDrawing.draw(
          snapshot?.statistics, before: nil, state, on: &grid, in: inner)
      } else if let snapshot {
        MatrixDrawing.drawWholeMask(snapshot.mask, snapshot.shape, state, on: &grid, in: inner)
      } else {
        grid.putLine("reading …", in: inner, row: inner.height / 2, .center, state.theme[.dim])
      }
    }
  }
}
