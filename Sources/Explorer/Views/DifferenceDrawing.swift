internal import Tensors
internal import Terminal
internal import Workspace

/// Draws what a revision changed: weights lost, kept and gained, or the size of
/// the error.
enum DifferenceDrawing {
  static func draw(
    _ before: LayerSnapshot, _ after: LayerSnapshot, _ window: MatrixWindow, _ state: AppState,
    on grid: inout CellGrid, in area: Rect
  ) {
    guard before.shape == after.shape else {
      let text =
        "No difference to draw: this layer is \(text(before)) in \(before.revision) and "
        + "\(text(after)) in \(after.revision)."
      return grid.putSentence(text, in: area, state.theme[.dim])
    }
    let (legend, picture) = area.split(bottom: 1)
    let errors = meanError(before.tensor, after.tensor, in: window)
    let top = max(errors.max() ?? 0, .leastNormalMagnitude)
    let theme = state.theme
    grid.picture(in: picture) { x, y in
      func value(_ y: Int) -> Double? {
        x < window.width && y < window.height ? errors[y * window.width + x] / top : nil
      }
      return theme.heatPixels(value(2 * y), value(2 * y + 1))
    }
    let lost = zip(before.mask.words, after.mask.words).reduce(0) {
      $0 + ($1.0 & ~$1.1).nonzeroBitCount
    }
    let gained = zip(before.mask.words, after.mask.words).reduce(0) {
      $0 + (~$1.0 & $1.1).nonzeroBitCount
    }
    let kept = before.mask.keptCount - lost
    grid.putLine(
      Facts.line(
        [
          "lost \(Count.text(lost))", "gained \(Count.text(gained))",
          "error to \(Decimal.short(top))", "kept \(Count.text(kept))",
        ], width: legend.width),
      in: legend, theme[.dim])
  }

  private static func text(_ snapshot: LayerSnapshot) -> String {
    snapshot.statistics.isGone ? "gone" : "\(snapshot.shape)"
  }

  /// Mean |w − w′| of each pixel; at most 64 rows of a pixel are looked at.
  private static func meanError(
    _ before: Tensor, _ after: Tensor, in window: MatrixWindow
  ) -> [Double] {
    let stride = before.shape.columns
    return unsafe before.withUnsafeValues { old in
      unsafe after.withUnsafeValues { new in
        (0..<window.width * window.height).map { index in
          let cell = window.cell(index % window.width, index / window.width)
          let step = max(1, cell.rows.count / 64)
          var sum: Float = 0
          var count = 0
          for row in Swift.stride(from: cell.rows.lowerBound, to: cell.rows.upperBound, by: step) {
            for column in cell.columns {
              sum += unsafe abs(old[row * stride + column] - new[row * stride + column])
            }
            count += cell.columns.count
          }
          return Double(sum) / Double(max(count, 1))
        }
      }
    }
  }
}
