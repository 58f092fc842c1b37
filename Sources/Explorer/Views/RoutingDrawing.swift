internal import Terminal
internal import Transformers
internal import Workspace

/// Draws how a router spread the tokens of a text over its experts: a bar each, with a mark
/// where all would be if they took as many.
enum RoutingDrawing {
  static func draw(
    _ snapshot: LayerSnapshot, _ state: AppState, on grid: inout CellGrid, in area: Rect
  ) {
    let theme = state.theme
    guard let load = state.routerLoad(of: snapshot.name, snapshot.revision), !load.experts.isEmpty
    else {
      return grid.putSentence(obstacle(snapshot, state), in: area, theme[.dim])
    }
    let marked = marked(snapshot, load, state)
    let facts = facts(load, marked, width: area.width)
    let (head, chart) = area.split(top: min(facts.count, area.height / 2))
    for (index, line) in facts.prefix(head.height).enumerated() {
      grid.putLine(line, in: head, row: index, theme[.dim])
    }
    guard chart.height > 0 else { return }
    let across = (load.experts.count + chart.height - 1) / chart.height
    let width = (chart.width - 2 * (across - 1)) / across
    if width >= narrowest {
      drawList(load, marked, width, theme, on: &grid, in: chart)
    } else {
      drawColumns(load, theme, on: &grid, in: chart)
    }
  }

  /// An expert's number, four cells of bar and the share.
  private static let narrowest = 16

  /// Why nothing is drawn, or not yet.
  private static func obstacle(_ snapshot: LayerSnapshot, _ state: AppState) -> String {
    if state.router(of: snapshot.name) == nil {
      return "Only routers and experts have this picture; n goes to the next layer."
    }
    if state.routers[snapshot.revision] != nil { return "No token passes this router." }
    if let reason = state.whyNotRunnable { return "Not counted: \(reason)" }
    let isRunning = state.liveJobs.contains {
      $0.kind == .measure && $0.revision == snapshot.revision
    }
    return isRunning ? "counting …" : "Not counted; :eval counts."
  }

  /// The expert under the cursor: a row of the router, or the one whose layer this is.
  private static func marked(
    _ snapshot: LayerSnapshot, _ load: RouterLoad, _ state: AppState
  ) -> Int? {
    let layer = state.model.layer(named: snapshot.name)
    let expert = layer?.expert ?? state.layer.row
    return load.experts.indices.contains(expert) ? expert : nil
  }

  private static func facts(_ load: RouterLoad, _ marked: Int?, width: Int) -> [String] {
    let most = load.experts.indices.max { load.share(of: $0) < load.share(of: $1) } ?? 0
    var facts = [
      "\(Count.exact(load.tokens)) tokens, \(load.active) of \(load.experts.count) experts each",
      "even share \(Decimal.percent(load.evenShare)), marked",
      "expert \(most) takes \(Decimal.text(load.share(of: most) / load.evenShare, 1)) × that",
    ]
    let idle = load.idle
    if !idle.isEmpty {
      let (noun, verb) = idle.count == 1 ? ("expert", "takes") : ("experts", "take")
      facts.append(
        "\(noun) \(idle.map(String.init).joined(separator: ", ")) \(verb) none".truncated(to: width)
      )
    }
    if let marked {
      let expert = load.experts[marked]
      let weight = expert.meanWeight.map { ", mean weight \(Decimal.text($0, 3))" } ?? ""
      facts.append("expert \(marked): \(Count.exact(expert.tokens)) tokens\(weight)")
    }
    return Facts.lines(facts, width: width)
  }

  private static func drawList(
    _ load: RouterLoad, _ marked: Int?, _ width: Int, _ theme: Theme, on grid: inout CellGrid,
    in area: Rect
  ) {
    let widest = String(load.experts.count - 1).count
    let longest = max(load.evenShare, load.largestShare)
    for (expert, taken) in load.experts.enumerated() {
      let line = Rect(
        x: area.x + expert / area.height * (width + 2), y: area.y + expert % area.height,
        width: width, height: 1
      ).intersection(area)
      let (name, rest) = line.split(left: widest)
      let (text, room) = rest.split(right: 8)
      let bar = room.inset(left: 1)
      grid.putLine(
        String(expert), in: name, .trailing, theme[expert == marked ? .cursor : .text])
      grid.bar(
        load.share(of: expert) / longest, in: bar, filled: theme[.barFilled],
        empty: theme[.barEmpty], clip: area)
      let even = bar.x + min(bar.width - 1, Int(load.evenShare / longest * Double(bar.width)))
      grid.put("┊", x: even, y: bar.y, theme[.text], in: bar.intersection(area))
      let share = taken.tokens == 0 ? "none" : Decimal.percent(load.share(of: expert))
      grid.putLine(share, in: text, .trailing, theme[taken.tokens == 0 ? .warning : .dim])
    }
  }

  /// As columns, the mean of several experts in one where there are more than columns.
  private static func drawColumns(
    _ load: RouterLoad, _ theme: Theme, on grid: inout CellGrid, in area: Rect
  ) {
    let (axis, chart) = area.split(bottom: 1)
    let count = load.experts.count
    let bins = min(count, chart.width)
    guard bins > 0, chart.height > 0 else { return }
    let wide = max(1, chart.width / count)
    let shares = (0..<bins).map { bin in
      let experts = count * bin / bins..<count * (bin + 1) / bins
      return experts.reduce(0) { $0 + load.share(of: $1) } / Double(experts.count)
    }
    let highest = max(load.evenShare, shares.max() ?? 0)
    let even = min(chart.height - 1, Int(load.evenShare / highest * Double(chart.height)))
    grid.hline(
      x: chart.x, y: chart.bottom - 1 - even, length: bins * wide, theme[.text], glyph: "╌",
      in: chart.intersection(area))
    grid.columns(
      shares.flatMap { Array(repeating: $0 / highest, count: wide) }, in: chart,
      theme[.barFilled], clip: area)
    grid.putLine("0", in: axis, theme[.dim])
    grid.putLine(String(count - 1), in: axis, .trailing, theme[.dim])
    if bins < count {
      grid.putLine("means of \((count + bins - 1) / bins)", in: axis, .center, theme[.dim])
    }
  }
}
