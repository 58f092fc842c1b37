internal import Glibc
internal import Tensors
internal import Terminal
internal import Workspace

/// Draws a histogram as columns, the former one shaded behind it, on an axis
/// that also holds one drawn alongside.
enum HistogramDrawing {
  static func draw(
    _ statistics: LayerStatistics?, before: LayerStatistics?, alongside: LayerStatistics? = nil,
    _ state: AppState, on grid: inout CellGrid, in area: Rect
  ) {
    let theme = state.theme
    let (axis, chart) = area.split(bottom: 1)
    if statistics?.isGone == true {
      grid.putLine("no weights", in: area, row: area.height / 2, .center, theme[.dim])
      return
    }
    let (before, alongside) = (before?.histogram, alongside?.histogram)
    guard let histogram = statistics?.histogram, chart.height > 0, chart.width > 0 else {
      grid.putLine("reading …", in: area, row: area.height / 2, .center, theme[.dim])
      return
    }
    guard histogram.counts.contains(where: { $0 > 0 }) else {
      grid.putLine("no finite values", in: area, row: area.height / 2, .center, theme[.dim])
      return
    }
    let ranged = [histogram, before, alongside].compactMap { $0 }
    let lower = Double(ranged.map(\.lowerBound).min() ?? 0)
    let upper = Double(ranged.map(\.upperBound).max() ?? 0)
    let bins = max(1, chart.width >> -state.layer.binShift)
    let front = Columns(histogram, lower, upper, bins)
    let back = before.map { Columns($0, lower, upper, bins) }
    let highest = max(front.clippedPeak, back?.clippedPeak ?? 0)
    let isLog = state.layer.isLogarithmic
    let wide = chart.width / bins
    func heights(_ columns: Columns?) -> [Double] {
      guard let columns else { return [] }
      return columns.counts.flatMap { count in
        Array(repeating: share(count, of: highest, isLog), count: wide)
      }
    }
    grid.columns(
      heights(front), in: chart, theme[.barFilled], behind: heights(back), theme[.barBehind],
      clip: area)
    drawAxis(lower, upper, theme, on: &grid, in: axis)
  }

  /// 0…1 of the height for a count.
  private static func share(_ count: Double, of highest: Double, _ isLog: Bool) -> Double {
    guard highest > 0 else { return 0 }
    return min(1, isLog ? log1p(count) / log1p(highest) : count / highest)
  }

  private static func drawAxis(
    _ lower: Double, _ upper: Double, _ theme: Theme, on grid: inout CellGrid, in line: Rect
  ) {
    grid.putLine(Decimal.short(lower), in: line, theme[.dim])
    grid.putLine(Decimal.short(upper), in: line, .trailing, theme[.dim])
    if lower < 0, upper > 0 {
      let x = line.x + column(-lower / (upper - lower) * Double(line.width), of: line.width)
      grid.put("0", x: min(x, line.right - 1), y: line.y, theme[.dim], in: line)
    }
  }

  /// A place as the column it lies in, of `count`; the first for no number.
  private static func column(_ place: Double, of count: Int) -> Int {
    Int(min(max(place.isNaN ? 0 : place, 0), Double(max(count - 1, 0))))
  }

  /// Counts of a histogram spread over equal columns of a wider range.
  private struct Columns {
    var counts: [Double]

    init(_ histogram: Histogram, _ lower: Double, _ upper: Double, _ bins: Int) {
      counts = Array(repeating: 0, count: bins)
      let from = Double(histogram.lowerBound)
      let width = (Double(histogram.upperBound) - from) / Double(max(histogram.counts.count, 1))
      let scale = upper > lower ? Double(bins) / (upper - lower) : 0
      for (bin, count) in histogram.counts.enumerated() where count > 0 {
        spread(
          Double(count), from: (from + Double(bin) * width - lower) * scale,
          to: (from + Double(bin + 1) * width - lower) * scale)
      }
    }

    /// Adds a count evenly over the columns that a bin covers.
    private mutating func spread(_ count: Double, from: Double, to: Double) {
      let first = HistogramDrawing.column(from, of: counts.count)
      guard to - from > 1e-9 else {
        counts[first] += count
        return
      }
      for column in first...max(HistogramDrawing.column(to, of: counts.count), first) {
        let overlap = min(to, Double(column + 1)) - max(from, Double(column))
        if overlap > 0 { counts[column] += count * overlap / (to - from) }
      }
    }

    /// The height the chart is drawn to: a spike of zeros after pruning does not
    /// flatten the rest to nothing.
    var clippedPeak: Double {
      let sorted = counts.sorted(by: >)
      guard let first = sorted.first, sorted.count > 2 else { return sorted.first ?? 0 }
      return first > 4 * sorted[1] ? sorted[1] * 1.25 : first
    }
  }
}
