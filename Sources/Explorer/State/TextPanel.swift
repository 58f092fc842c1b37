internal import Terminal

/// A text over the view, to be read or selected.
public struct TextPanel: Sendable, Hashable {
  public let title: String
  public let text: String
  /// Said under the text.
  public let note: String
  public var scroll = 0
  /// Whether closing it turns the mouse on again.
  let isMouseOn: Bool
}

/// Keys of a text over the view, for the footer.
enum PanelKeys {
  static let bindings: [Binding] = [
    Binding(.escape, label: "close", help: "close the text") { _ in [] },
    Binding(.down, label: "scroll", help: "scroll down") { _ in [] },
  ]
}

extension AppState {
  /// Scrolls the text with arrows; any other key closes it.
  mutating func handlePanel(_ key: Key) -> [Effect] {
    guard let panel else { return [] }
    switch key {
    case .down, .pageDown: self.panel?.scroll += 1
    case .up, .pageUp: self.panel?.scroll = max(0, panel.scroll - 1)
    default:
      self.panel = nil
      return panel.isMouseOn ? [.setMouse(true)] : []
    }
    return []
  }

  /// Shows a text from edge to edge, so that it can be selected without frames, and copies it.
  mutating func show(copying text: String, title: String, note: String) -> [Effect] {
    panel = TextPanel(title: title, text: text, note: note, isMouseOn: isMouseOn)
    return [.copy(text), .setMouse(false)]
  }
}

/// Draws a text over the view.
enum PanelDrawing {
  static func draw(_ state: AppState, on grid: inout CellGrid, in area: Rect) {
    guard let panel = state.panel else { return }
    let theme = state.theme
    grid.fill(area, with: Cell(" ", theme[.text]))
    grid.hline(x: area.x, y: area.y, length: area.width, theme[.borderFocused], in: area)
    grid.put(" \(panel.title) ", x: area.x + 1, y: area.y, theme[.accent], in: area)
    let body = area.inset(top: 1)
    let lines = ShellCommand.lines(of: panel.text, width: body.width).map { ($0, Role.text) }
    let notes = panel.note.split(separator: "\n").flatMap {
      String($0).wrapped(to: body.width - 2)
    }.map { ($0, Role.dim) }
    let all = lines + [("", Role.text)] + notes
    let first = min(panel.scroll, max(0, all.count - body.height))
    for (row, line) in all.dropFirst(first).prefix(body.height).enumerated() {
      grid.putLine(line.0, in: body, row: row, theme[line.1])
    }
  }
}
