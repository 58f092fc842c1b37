internal import Tensors
internal import Terminal
internal import Workspace

/// Draws a matrix as pixels, two a cell.
enum MatrixDrawing {
  static func draw(
    _ snapshot: LayerSnapshot, _ window: MatrixWindow, _ state: AppState,
    on grid: inout CellGrid, in area: Rect
  ) {
    if snapshot.statistics.isGone {
      let text = "\(snapshot.revision) has no such layer: slicing took it out."
      return grid.putSentence(text, in: area, state.theme[.dim])
    }
    switch state.layer.tab {
    case .mask: drawMask(snapshot.mask, window, state, on: &grid, in: area)
    case .magnitude: drawMagnitude(snapshot, window, state, on: &grid, in: area)
    case .tiles: drawTiles(snapshot, state, on: &grid, in: area)
    case .channels: drawChannels(snapshot, state, on: &grid, in: area)
    case .codes: CodesDrawing.draw(snapshot, state, on: &grid, in: area)
    case .routing: RoutingDrawing.draw(snapshot, state, on: &grid, in: area)
    case .spectrum: SpectrumDrawing.draw(snapshot, state, on: &grid, in: area)
    }
    guard state.layer.tab == .mask || state.layer.tab == .magnitude,
      let cursor = window.pixel(row: state.layer.row, column: state.layer.column)
    else { return }
    let place = Rect(x: area.x + cursor.x, y: area.y + cursor.y / 2, width: 1, height: 1)
    grid.restyle(place.intersection(area)) { $0.with(.reverse) }
  }

  /// The whole of a mask.
  static func drawWholeMask(
    _ mask: Mask, _ shape: Shape, _ state: AppState, on grid: inout CellGrid, in area: Rect
  ) {
    let window = MatrixWindow(
      rows: 0..<shape.rows, columns: 0..<shape.columns, width: area.width,
      height: area.height * 2)
    drawMask(mask, window, state, on: &grid, in: area)
  }

  private static func drawMask(
    _ mask: Mask, _ window: MatrixWindow, _ state: AppState, on grid: inout CellGrid,
    in area: Rect
  ) {
    let density = MaskPicture.density(of: mask, in: window)
    let theme = state.theme
    grid.picture(in: area) { x, y in
      theme.maskPixels(
        pixel(density, window, x, 2 * y), pixel(density, window, x, 2 * y + 1))
    }
  }

  private static func drawMagnitude(
    _ snapshot: LayerSnapshot, _ window: MatrixWindow, _ state: AppState,
    on grid: inout CellGrid, in area: Rect
  ) {
    let means = MaskPicture.meanMagnitude(of: snapshot.tensor, in: window)
    let top = Double(max(means.max() ?? 0, .leastNormalMagnitude))
    let theme = state.theme
    grid.picture(in: area) { x, y in
      theme.heatPixels(
        pixel(means, window, x, 2 * y).map { $0 / top },
        pixel(means, window, x, 2 * y + 1).map { $0 / top })
    }
  }

  /// The whole matrix, each tile one value: its kept share, or its mean
  /// magnitude while nothing is pruned.
  private static func drawTiles(
    _ snapshot: LayerSnapshot, _ state: AppState, on grid: inout CellGrid, in area: Rect
  ) {
    let shape = snapshot.tensor.shape
    let (legend, picture) = area.split(bottom: 1)
    let tile = state.layer.tile
    let across = (shape.columns + tile - 1) / tile
    let down = (shape.rows + tile - 1) / tile
    let window = MatrixWindow(
      rows: 0..<shape.rows, columns: 0..<shape.columns, width: min(across, picture.width),
      height: min(down, picture.height * 2))
    let density = MaskPicture.density(of: snapshot.mask, in: window)
    let gone = density.filter { $0 == 0 }.count
    let theme = state.theme
    grid.picture(in: picture) { x, y in
      theme.maskPixels(
        pixel(density, window, x, 2 * y), pixel(density, window, x, 2 * y + 1))
    }
    let drawn =
      window.width == across && window.height == down
      ? "\(gone) of \(density.count) are empty" : "drawn in groups"
    grid.putLine(
      Facts.line(
        ["\(down) × \(across) of \(tile) × \(tile)", drawn, "t resizes"], width: legend.width),
      in: legend, theme[.dim])
  }

  /// Kept share of the channels above, bits of their weights below.
  private static func drawChannels(
    _ snapshot: LayerSnapshot, _ state: AppState, on grid: inout CellGrid, in area: Rect
  ) {
    let theme = state.theme
    let statistics = snapshot.statistics
    let count = statistics.rows.count
    let halves = area.rows(weights: [1, 1])
    let bins = min(area.width, count)
    guard bins > 0 else { return }
    func means(_ value: (Int) -> Double) -> [Double] {
      (0..<bins).map { bin in
        let range = count * bin / bins..<max(count * bin / bins + 1, count * (bin + 1) / bins)
        return range.reduce(0.0) { $0 + value($1) } / Double(range.count)
      }
    }
    let columns = Double(max(1, snapshot.shape.columns))
    let kept = means { Double(statistics.keptCount(ofRow: $0)) / columns }
    let bits = means { Double(statistics.rowBits[$0]) }
    let most = max((bits.max() ?? 0).rounded(.up), 1)
    let parts = [
      (halves[0], kept, "kept share, 0…1, by channel 0–\(count - 1)"),
      (halves[1], bits.map { $0 / most }, "bits of a kept weight, 0…\(Decimal.text(most, 0))"),
    ]
    for (half, values, label) in parts {
      let (legend, chart) = half.split(bottom: 1)
      grid.columns(values, in: chart, theme[.barFilled], clip: area)
      grid.putLine(label, in: legend, theme[.dim])
    }
  }

  private static func pixel(
    _ values: [Float], _ window: MatrixWindow, _ x: Int, _ y: Int
  ) -> Double? {
    x < window.width && y < window.height ? Double(values[y * window.width + x]) : nil
  }
}

/// Pictures of matrices: a value for each pixel of a window, row by row.
enum MaskPicture {
  /// Share of weights kept in each pixel.
  static func density(of mask: Mask, in window: MatrixWindow) -> [Float] {
    mask.density(
      rows: window.rows, columns: window.columns, cells: (window.height, window.width))
  }

  /// Mean |w| of each pixel.
  static func meanMagnitude(of tensor: Tensor, in window: MatrixWindow) -> [Float] {
    MatrixCells(
      of: tensor, rows: window.rows, columns: window.columns,
      cells: (window.height, window.width))?.mean ?? []
  }
}
