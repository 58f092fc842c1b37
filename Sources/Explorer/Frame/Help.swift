internal import Compression
internal import Terminal

/// Keys that work while help is open.
public enum HelpKeys {
  public static let bindings: [Binding] = [
    Binding(
      .escape, .character("q"), .character("?"), .function(1), .enter, label: "close",
      help: "close the help"
    ) { state in
      state.help = nil
      return []
    },
    Binding(.down, .character("j"), label: "scroll", help: "scroll down") { state in
      state.help?.scroll += 1
      return []
    },
    Binding(.up, .character("k"), help: "scroll up") { state in
      state.help?.scroll -= 1
      return []
    },
    Binding(.pageDown, .control("f"), .character(" "), help: "a page down") { state in
      state.help?.scroll += 10
      return []
    },
    Binding(.pageUp, .control("b"), help: "a page up") { state in
      state.help?.scroll -= 10
      return []
    },
    Binding(.character("/"), label: "search", help: "show only what contains a text") { state in
      state.help?.isSearching = true
      return []
    },
  ]
}

extension AppState {
  mutating func handleHelp(_ key: Key) -> [Effect] {
    guard var help else { return [] }
    if help.isSearching {
      switch key {
      case .enter: help.isSearching = false
      case .escape:
        help.isSearching = false
        help.search = LineEditor()
      default: _ = help.search.handle(key)
      }
      help.scroll = 0
      self.help = help
      return []
    }
    _ = HelpKeys.bindings.first { $0.keys.contains(key) }?.action(&self)
    scrollHelp(by: 0)
    return []
  }

  /// Scrolls the help, no further than its first and last line.
  mutating func scrollHelp(by lines: Int) {
    guard let help else { return }
    let count = HelpText.lines(self, matching: help.search.string).count
    self.help?.scroll = min(max(0, help.scroll + lines), max(0, count - 1))
  }
}

/// The lines of the help: all from the bindings and the passes themselves.
enum HelpText {
  struct Line: Sendable {
    let key: String
    let text: String
    /// The footer's word for it, which a search finds too.
    var label = ""
    var isHeading: Bool { text.isEmpty }
  }

  static func lines(_ state: AppState, matching search: String) -> [Line] {
    let view = ViewCatalog.view(state.view)
    var lines = section("The \(view.title) view", view.bindings)
    lines += section("Everywhere", GlobalKeys.bindings)
    lines += section("A sheet of dials", SheetKeys.bindings)
    lines += [Line(key: "Commands, after :", text: "")]
    lines += CommandCatalog.all.map { Line(key: $0.usage, text: $0.help) }
    for type in PassCatalog.all {
      lines += [Line(key: "\(type.name): \(type.summary)", text: "")]
      lines += type.init().settings.map { Line(key: $0.name, text: $0.help) }
    }
    guard !search.isEmpty else { return lines }
    let needle = search.lowercased()
    return lines.filter {
      !$0.isHeading && "\($0.key) \($0.label) \($0.text)".lowercased().contains(needle)
    }
  }

  private static func section(_ title: String, _ bindings: [Binding]) -> [Line] {
    [Line(key: title, text: "")]
      + bindings.map {
        Line(
          key: $0.keys.map(\.label).joined(separator: " "), text: $0.help, label: $0.label ?? "")
      }
  }
}

/// Draws the help over the view.
enum HelpDrawing {
  static func draw(_ state: AppState, on grid: inout CellGrid, in area: Rect) {
    guard let help = state.help else { return }
    let theme = state.theme
    grid.fill(area, with: Cell(" ", theme[.text]))
    let searching = help.isSearching || !help.search.string.isEmpty
    let title = searching ? "help · /\(help.search.string)\(help.isSearching ? "▏" : "")" : "help"
    let inner = grid.box(area, title: title, theme[.borderFocused], in: area)
      .inset(left: 1, right: 1)
    let lines = HelpText.lines(state, matching: help.search.string)
    let keyWidth = min(26, inner.width / 3)
    if lines.isEmpty { grid.putLine("nothing matches", in: inner, theme[.dim]) }
    let first = min(help.scroll, max(0, lines.count - inner.height))
    for (row, line) in lines.dropFirst(first).prefix(inner.height).enumerated() {
      if line.isHeading {
        grid.putLine(line.key, in: inner, row: row, theme[.accent])
        continue
      }
      let (left, right) = inner.split(left: keyWidth)
      grid.putLine(line.key, in: left.inset(right: 1), row: row, theme[.key])
      grid.putLine(line.text, in: right, row: row, theme[.text])
    }
  }
}
