internal import Glibc
internal import Tensors
internal import Terminal
internal import Workspace

/// Draws a layer's singular values, and how many hold most of its energy.
enum SpectrumDrawing {
  static func draw(
    _ snapshot: LayerSnapshot, _ state: AppState, on grid: inout CellGrid, in area: Rect
  ) {
    let theme = state.theme
    guard let spectrum = state.spectrum(snapshot.name, snapshot.revision) else {
      grid.putLine("computing …", in: area, row: area.height / 2, .center, theme[.dim])
      return
    }
    guard let largest = spectrum.values.first, largest > 0 else {
      let text = spectrum.complaint ?? "all singular values are zero"
      grid.putLine(text, in: area, row: area.height / 2, .center, theme[.dim])
      return
    }
    let facts = Facts.lines(facts(spectrum, snapshot), width: area.width)
    let (legend, chart) = area.split(bottom: facts.count)
    var canvas = BrailleCanvas(columns: chart.width, rows: chart.height)
    let last = Double(max(spectrum.values.count - 1, 1))
    canvas.curve(
      spectrum.values.enumerated().map { (Double($0.offset) / last, Double($0.element / largest)) })
    grid.put(canvas, in: chart, clip: area) { _ in theme[.accent] }
    for (row, line) in facts.enumerated() {
      grid.putLine(line, in: legend, row: row, theme[.dim])
    }
  }

  private static func facts(_ spectrum: Spectrum, _ snapshot: LayerSnapshot) -> [String] {
    let energies = spectrum.values.map { Double($0) * Double($0) }
    let total = energies.reduce(0, +)
    func rank(_ share: Double) -> Int {
      var sum = 0.0
      return
        (energies.firstIndex { energy in
          sum += energy
          return sum >= share * total
        } ?? energies.count - 1) + 1
    }
    let shape = snapshot.shape
    // A factorization of rank k stores k · (rows + columns) numbers.
    let even = shape.count / max(shape.rows + shape.columns, 1)
    let ends = [spectrum.values.first, spectrum.values.last].map { Decimal.short(Double($0 ?? 0)) }
    return [
      "σ 1–\(energies.count): \(ends[0]) … \(ends[1])",
      "90 % of ‖W‖² in \(rank(0.9)), 99 % in \(rank(0.99))", "rank under \(even) saves room",
    ]
  }
}
