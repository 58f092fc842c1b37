internal import Jobs
internal import Tensors
internal import Terminal
internal import Workspace

/// The line of metrics of the revision on screen, with the change against its
/// parent. What is not measured yet shows `…`.
enum MetricsLine {
  /// Columns that all metrics of the revision on screen take side by side.
  private static func wholeWidth(_ state: AppState) -> Int {
    let speed = state.tree[state.current]?.metrics.layerSpeed
    return 158 + (speed.map { LayerSpeedText($0).text.columns + 3 } ?? 0)
  }

  /// Rows under which the view needs every one.
  static let enoughRows = 20

  /// Lines it takes: a second one where not all metrics of a pass fit on one.
  static func height(_ state: AppState) -> Int {
    let isOriginal = state.tree[state.current]?.parent == nil
    return isOriginal || state.columns >= wholeWidth(state) || state.rows < enoughRows ? 1 : 2
  }

  static func draw(_ state: AppState, on grid: inout CellGrid, in area: Rect) {
    guard let revision = state.tree[state.current] else { return }
    var (x, y) = (area.x + 1, area.y)
    for part in parts(revision.metrics, parent: revision.parent, state) {
      let width = part.reduce(0) { $0 + $1.columns }
      if width == 0 { continue }
      if x + width > area.right {
        (x, y) = (area.x + 1, y + 1)
        guard y < area.bottom else { break }
      }
      grid.put(part, x: x, y: y, in: area)
      x += width + 3
    }
    drawText(revision.metrics, state, on: &grid, in: area, x: x, y: y)
  }

  /// The text that the loss was measured on, as far as there is room.
  private static func drawText(
    _ metrics: Metrics, _ state: AppState, on grid: inout CellGrid, in area: Rect, x: Int, y: Int
  ) {
    let room = area.right - 1 - x
    guard y < area.bottom, room >= leastTextWidth, let text = metrics.measuredOn else { return }
    grid.put("on \(text)".truncated(to: room), x: x, y: y, state.theme[.dim], in: area)
  }

  /// Columns from which the text's name is shown.
  private static let leastTextWidth = 16

  /// What the figures compare with and were measured on, one sentence, on one line if need be
  /// without saying what r0 is; nil while nothing is measured.
  static func basis(_ state: AppState, width: Int) -> String? {
    guard let revision = state.tree[state.current] else { return nil }
    let text = revision.metrics.measuredOn.map { "loss on \($0)" }
    guard revision.parent != nil else { return text }
    let original = RevisionID.original
    let figures = text == nil ? "error" : "KL, agreement and error"
    let short = [text, "\(figures) against \(original)"].compactMap { $0 }.joined(separator: "; ")
    let whole = short + ", the original"
    return whole.columns <= width || short.columns > width ? whole : short
  }

  /// The metrics one by one, most telling first.
  private static func parts(
    _ metrics: Metrics, parent id: RevisionID?, _ state: AppState
  ) -> [[Span]] {
    let parent = id.flatMap { state.tree[$0]?.metrics }
    let theme = state.theme
    let text = theme[.text]
    func pending(_ label: String) -> [Span] {
      state.isPrinted ? [] : [Span(label + " …", theme[.dim])]
    }
    let whole = wholeWidth(state)
    let isShort = state.columns < 100 || (whole..<whole + 10).contains(state.columns)
    let unit = isShort ? "b/w" : "bits/weight"
    var parts: [[Span]] = []
    if let broken = metrics.nonFinite?.presence {
      parts.append([Span("! \(broken)", theme[.bad])])
    }
    if state.whyNotRunnable != nil {
      parts.append([Span("loss n/a", theme[.dim])])
    } else if let loss = metrics.loss {
      parts.append(
        [Span("loss " + Decimal.text(loss, 4), text)] + change(loss, parent?.loss, id, theme))
      parts.append([Span("ppl " + Decimal.text(metrics.perplexity ?? .nan, 2), text)])
    } else {
      parts.append(pending("loss"))
    }
    parts.append(
      metrics.bitsPerWeight.map { [Span(Decimal.text($0, 2) + " " + unit, text)] }
        ?? pending(unit))
    if let bytes = metrics.fileBytes {
      let ratio = Double(state.model.fileByteCount) / Double(max(bytes, 1))
      parts.append([
        Span(ByteCount.text(bytes), text), Span(" (\(Decimal.text(ratio, 1))×)", theme[.dim]),
      ])
    } else {
      parts.append(pending("bytes"))
    }
    if metrics.hasSizes, metrics.weights != state.tree.original.metrics.weights {
      parts.append([Span(Count.text(metrics.weights) + " weights in layers", text)])
    }
    parts.append(
      metrics.sparsity.map { [Span("sparsity " + Decimal.percent($0), text)] }
        ?? (metrics.hasSizes ? [Span("sparsity n/a", theme[.dim])] : pending("sparsity")))
    if parent != nil {
      let compared = [
        metrics.kl.map { "KL " + Decimal.short($0) },
        metrics.agreement.map { "agrees " + Decimal.percent($0) },
        metrics.layerError.map { "error " + Decimal.error($0) },
      ].compactMap { $0 }
      if !compared.isEmpty {
        let lead = "vs \(RevisionID.original): "
        parts.append([Span(lead, theme[.dim]), Span(compared.joined(separator: "  "), text)])
      }
    }
    if let speed = metrics.tokensPerSecond {
      parts.append([Span(Count.text(speed) + " tok/s", text)])
    }
    if let speed = metrics.layerSpeed.map(LayerSpeedText.init) {
      parts.append([Span(speed.text, theme[speed.pays ? .text : .bad])])
    }
    return parts
  }

  private static func change(
    _ loss: Double, _ former: Double?, _ id: RevisionID?, _ theme: Theme
  ) -> [Span] {
    guard let former, let id else { return [] }
    let difference = loss - former
    let role: Role = difference > 0.00005 ? .bad : .good
    return [Span(" (\(Decimal.signed(difference, 4)) vs \(id))", theme[role])]
  }
}

/// The line of the running job, or of the last notice.
enum JobLine {
  /// Rows it takes: more than one where what it says while nothing runs is longer than a line.
  static func height(_ state: AppState) -> Int {
    guard state.rows >= MetricsLine.enoughRows else { return 1 }
    return min(max(1, hint(state, width: state.columns - 2).count), rowLimit)
  }

  /// What is longer still is cut: the view needs its rows.
  private static let rowLimit = 3

  /// What is said while nothing runs, in as many lines as it takes.
  private static func hint(_ state: AppState, width: Int) -> [String] {
    let network = state.whyNotRunnable.map { "No loss: \($0)" } ?? state.assumption
    let text =
      network.map { namingCommand($0, state) } ?? state.model.warnings.first
      ?? MetricsLine.basis(state, width: width) ?? ""
    return text.wrapped(to: width)
  }

  /// A sentence that names the option for heads, with the command that takes it.
  private static func namingCommand(_ sentence: String, _ state: AppState) -> String {
    guard sentence.contains("--heads") else { return sentence }
    let lead = sentence.hasSuffix(".") ? String(sentence.dropLast()) : sentence
    return "\(lead): pare \(CommandText.quoted(state.model.title)) --heads N"
  }

  static func draw(_ state: AppState, on grid: inout CellGrid, in area: Rect) {
    let theme = state.theme
    let line = area.inset(left: 1, right: 1).row(-1)
    if let prompt = state.prompt { return draw(prompt, state, on: &grid, in: line) }
    if let (lines, style) = sentence(state, width: line.width) {
      grid.putLine(lines.last ?? "", in: line, style)
      return
    }
    let live = state.liveJobs
    guard let job = state.foremostJob else {
      let hint = hint(state, width: line.width)
      for row in 0..<min(area.height, hint.count) {
        // All that is left is in the last row.
        let text = row < area.height - 1 ? hint[row] : hint[row...].joined(separator: " ")
        grid.putLine(text, in: area.inset(left: 1, right: 1), row: row, theme[.dim])
      }
      return
    }
    draw(job, waiting: live.count - 1, state, on: &grid, in: line)
  }

  /// The question or the notice in as many lines as it takes.
  private static func sentence(_ state: AppState, width: Int) -> (lines: [String], style: Style)? {
    let theme = state.theme
    if let question = state.leavingQuestion {
      return (question.wrapped(to: width), theme[.warning])
    }
    guard let notice = state.notice else { return nil }
    let text = (notice.isError ? "! " : "") + notice.text
    return (text.wrapped(to: width), theme[notice.isError ? .bad : .status])
  }

  /// Draws all but the last line of a long sentence over what is above the job line.
  static func drawAbove(_ state: AppState, on grid: inout CellGrid, _ layout: FrameLayout) {
    guard state.prompt == nil,
      let (lines, style) = sentence(state, width: layout.job.width - 2), lines.count > 1
    else { return }
    let above = lines.dropLast().suffix(max(0, layout.job.y - layout.view.y))
    let area = Rect(
      x: layout.job.x, y: layout.job.bottom - 1 - above.count, width: layout.job.width,
      height: above.count)
    grid.fill(area, with: Cell(" ", state.theme[.text]))
    for (row, line) in above.enumerated() {
      grid.putLine(line, in: area.inset(left: 1, right: 1), row: row, style)
    }
  }

  private static func draw(
    _ job: JobRecord, waiting: Int, _ state: AppState, on grid: inout CellGrid, in line: Rect
  ) {
    let theme = state.theme
    var tail = Decimal.percent(job.progress.fraction, 0)
    if job.state == .paused {
      tail += "   paused"
    } else if let left = state.secondsLeft(of: job) {
      tail += "   \(Duration.text(left)) left"
    }
    if waiting > 0 { tail += "   +\(waiting) queued" }
    let lead = (job.state == .paused ? "‖ " : "▶ ") + job.title
    let barWidth = min(24, line.width / 4)
    let leadWidth = max(8, line.width - barWidth - tail.columns - 4)
    let used = grid.put(
      lead.truncated(to: leadWidth), x: line.x, y: line.y, theme[.accent], in: line)
    let bar = Rect(x: line.x + used + 2, y: line.y, width: barWidth, height: 1)
    grid.bar(
      job.progress.fraction, in: bar, filled: theme[.barFilled], empty: theme[.barEmpty],
      clip: line)
    grid.put(tail, x: bar.right + 2, y: line.y, theme[.text], in: line)
  }

  private static func draw(
    _ prompt: Prompt, _ state: AppState, on grid: inout CellGrid, in line: Rect
  ) {
    let theme = state.theme
    grid.fill(line, with: Cell(" ", theme[.input]))
    let lead = prompt.lead
    var x = line.x + grid.put(lead, x: line.x, y: line.y, theme[.accent], in: line)
    let editor = prompt.editor
    let before = String(editor.text[..<editor.cursor])
    let shownBefore = before.truncatedAtStart(to: max(1, line.right - x - 2))
    x += grid.put(shownBefore, x: x, y: line.y, theme[.input], in: line)
    let at = editor.cursor < editor.text.count ? String(editor.text[editor.cursor]) : " "
    x += grid.put(at, x: x, y: line.y, theme[.cursor], in: line)
    if editor.cursor < editor.text.count {
      x += grid.put(
        String(editor.text[(editor.cursor + 1)...]), x: x, y: line.y, theme[.input], in: line)
    }
    let choices = prompt.completions
    guard !choices.isEmpty else { return }
    x += 2
    let chosen = prompt.chosen ?? 0
    var first = max(0, chosen - 2)
    // What is chosen is in sight, whatever stands before it.
    while first < chosen,
      choices[first...chosen].reduce(0, { $0 + $1.columns + 1 }) + 1 > line.right - x
    {
      first += 1
    }
    for (index, choice) in choices.enumerated().dropFirst(first) {
      // Where more follow, a blank and an ellipsis need room too.
      let room = line.right - x - (index == choices.count - 1 ? 0 : 2)
      let isChosen = index == prompt.chosen
      guard choice.columns <= room else {
        let rest = isChosen || index == first ? choice.truncated(to: line.right - x) : "…"
        grid.put(rest, x: x, y: line.y, theme[isChosen ? .selected : .dim], in: line)
        break
      }
      x += grid.put(choice, x: x, y: line.y, theme[isChosen ? .selected : .dim], in: line) + 1
    }
  }
}

/// Times as the screens write them.
enum Duration {
  /// `0.4 s`, `12 s`, `3 min`.
  static func text(_ seconds: Double) -> String {
    guard seconds.isFinite else { return "?" }
    if seconds < 10 { return Decimal.text(seconds, 1) + " s" }
    if seconds < 120 { return Decimal.text(seconds, 0) + " s" }
    return seconds < 7_200
      ? Decimal.text(seconds / 60, 0) + " min" : Decimal.text(seconds / 3_600, 1) + " h"
  }
}

/// The keys that work here and now; those that cannot are dimmed.
enum Footer {
  static func draw(_ state: AppState, on grid: inout CellGrid, in area: Rect) {
    let bindings = bindings(state)
    // Help is always reachable, so its key keeps the right end.
    let last = bindings.last { $0.keys.contains(.character("?")) && $0.label != nil }
    let lastSpans = last.map { spans($0, state) } ?? []
    let lastWidth = lastSpans.reduce(0) { $0 + $1.columns }
    let right = area.right - 1 - lastWidth
    grid.put(lastSpans, x: right, y: area.y, in: area)
    var x = area.x + 1
    for binding in bindings where binding.keys != last?.keys {
      let spans = spans(binding, state)
      let width = spans.reduce(0) { $0 + $1.columns }
      guard width > 0 else { continue }
      guard x + width < right - 1 else { break }
      grid.put(spans, x: x, y: area.y, in: area)
      x += width + 2
    }
  }

  private static func spans(_ binding: Binding, _ state: AppState) -> [Span] {
    guard let key = binding.keys.first, let label = binding.labelNow(state), !label.isEmpty else {
      return []
    }
    let isPossible = binding.obstacle(state) == nil
    return [
      Span(key.label, state.theme[isPossible ? .key : .keyDisabled]),
      Span(" " + label, state.theme[isPossible ? .text : .keyDisabled]),
    ]
  }

  private static func bindings(_ state: AppState) -> [Binding] {
    if state.panel != nil { return PanelKeys.bindings }
    if state.help != nil { return HelpKeys.bindings }
    if state.prompt != nil { return PromptKeys.bindings }
    if state.isLeaving { return LeavingKeys.bindings }
    if state.sheet != nil {
      return SheetKeys.bindings + GlobalKeys.bindings.filter { $0.keys.contains(.character("?")) }
    }
    return ViewCatalog.view(state.view).bindings + GlobalKeys.bindings
  }
}
