internal import Tensors
internal import Terminal
internal import Workspace

/// Where the parts of the Layer view lie: side by side, or stacked where the
/// screen is narrow.
struct LayerLayout {
  let heading: Rect
  let histogram: Rect
  let picture: Rect
  let status: Rect

  init(_ state: AppState, in area: Rect) {
    let (heading, below) = area.split(top: 1)
    let (status, panes) = below.split(bottom: 1)
    self.heading = heading.inset(left: 1, right: 1)
    self.status = status.inset(left: 1, right: 1)
    let parts = panes.columns(weights: panes.width >= 100 ? [2, 3] : [4, 5])
    histogram = parts[0]
    picture = parts[1]
  }

  /// The part of a matrix that the picture shows, two pixels a cell.
  func window(_ shape: Shape, _ state: AppState) -> MatrixWindow {
    let inner = picture.inset()
    return state.layer.window(shape, width: inner.width, height: inner.height * 2)
  }
}

/// The line over the panes.
enum LayerHeading {
  static func draw(
    _ layer: ModelMap.Layer, _ snapshot: LayerSnapshot?, _ state: AppState,
    on grid: inout CellGrid, in line: Rect
  ) {
    let theme = state.theme
    let name = layer.path.replacingDots()
    var x = line.x + grid.put(name, x: line.x, y: line.y, theme[.accent], in: line)
    let type = snapshot?.blocks?.rawValue ?? layer.dtype.rawValue.lowercased()
    x += grid.put("   \(shape(layer, snapshot)) · \(type)", x: x, y: line.y, theme[.text], in: line)
    if layer.isCodes {
      let note = " codes of a layout that is not read"
      grid.putLine(note, in: line.inset(left: x - line.x), theme[.warning])
      return
    }
    guard let statistics = snapshot?.statistics, !statistics.isGone else { return }
    var parts = statistics.nonFinite.isEmpty ? [] : ["! \(statistics.nonFinite)"]
    parts.append("kept \(Decimal.percent(1 - statistics.sparsity))")
    parts.append("\(Decimal.text(statistics.bitsPerWeight, 2)) b/w")
    if let error = statistics.error, error != 0 { parts.append("error \(Decimal.error(error))") }
    parts.append("σ \(Decimal.short(statistics.summary.standardDeviation))")
    let room = max(0, line.right - x - 2)
    let facts = Facts.line(parts, width: room)
    let width = min(facts.columns, room)
    grid.putLine(
      facts, in: Rect(x: line.right - width, y: line.y, width: width, height: 1), theme[.text])
  }
}

extension LayerHeading {
  /// `64 × 32`; of a layer that passes have made smaller, what it was, too.
  private static func shape(_ layer: ModelMap.Layer, _ snapshot: LayerSnapshot?) -> String {
    guard let snapshot, snapshot.statistics.isReshaped else { return "\(layer.shape)" }
    return (snapshot.statistics.isGone ? "gone" : "\(snapshot.shape)") + ", was \(layer.shape)"
  }
}

extension String {
  /// `block.2.mlp.c_fc` as `block 2 · mlp.c_fc`.
  func replacingDots() -> String {
    guard hasPrefix("block.") else { return self }
    let parts = split(separator: ".", maxSplits: 2)
    return parts.count == 3 ? "block \(parts[1]) · \(parts[2])" : self
  }
}

/// The line under the panes: channel and weight under the cursor.
enum LayerStatus {
  static func draw(
    _ layer: ModelMap.Layer, _ snapshot: LayerSnapshot?, _ state: AppState,
    on grid: inout CellGrid, in line: Rect
  ) {
    guard let snapshot, snapshot.shape.count > 0 else { return }
    let shape = snapshot.shape
    let row = min(state.layer.row, shape.rows - 1)
    let column = min(state.layer.column, shape.columns - 1)
    let statistics = snapshot.statistics
    guard statistics.rows.indices.contains(row) else { return }
    let depth = Double(statistics.rowBits[row])
    let bits = Decimal.text(depth, depth == depth.rounded() ? 0 : 2)
    let largest = Decimal.short(Double(statistics.rows[row].maximumMagnitude))
    let mean = Decimal.short(statistics.rows[row].meanMagnitude)
    let kept = "\(statistics.keptCount(ofRow: row))/\(shape.columns)"
    let facts = [
      "channel \(row)", "b \(bits)", "kept \(kept)", "|w| max \(largest)", "mean |w| \(mean)",
    ]
    let weight = Decimal.short(Double(snapshot.tensor[row, column]))
    let right = "weight [\(row), \(column)] = \(weight)"
    let theme = state.theme
    grid.putLine(right, in: line, .trailing, theme[.accent])
    let left = line.inset(right: right.columns + 2)
    grid.putLine(Facts.line(facts, width: left.width), in: left, theme[.text])
  }
}
