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

  /// Scrolls the help, no further than its first and last page.
  mutating func scrollHelp(by rows: Int) {
    guard let help else { return }
    let inner = HelpDrawing.inner(FrameLayout(self).view)
    let count = HelpText.rows(self, matching: help.search.string, width: inner.width).count
    self.help?.scroll = min(max(0, help.scroll + rows), max(0, count - inner.height))
  }
}

/// The lines of the help: all from the bindings and the passes themselves.
enum HelpText {
  struct Line: Sendable {
    let key: String
    let text: String
    /// The footer's word for it, which a search finds too.
    var label = ""
  }

  struct Section: Sendable {
    let heading: String
    var lines: [Line]

    /// What of it contains a text: the lines that do, or all where the heading does. nil where
    /// nothing does.
    func matching(_ search: String) -> Section? {
      let needle = search.lowercased()
      if heading.lowercased().contains(needle) { return self }
      let found = lines.filter { "\($0.key) \($0.label) \($0.text)".lowercased().contains(needle) }
      return found.isEmpty ? nil : Section(heading: heading, lines: found)
    }
  }

  /// A row of the screen: a heading, or a key and its help or what is left of them.
  struct Row: Sendable, Hashable {
    let key: String
    let text: String
    /// Columns up to `text`; nil for a heading.
    let keyWidth: Int?
  }

  /// The rows at a width. What is longer than its column goes on in the next row.
  static func rows(_ state: AppState, matching search: String, width: Int) -> [Row] {
    sections(state).compactMap { search.isEmpty ? $0 : $0.matching(search) }.flatMap {
      rows($0, width: width)
    }
  }

  private static func rows(_ section: Section, width: Int) -> [Row] {
    let widest = section.lines.map(\.key.columns).max() ?? 0
    let keyWidth = min(max(widest + 1, usualKeyWidth), width / 3)
    let heading = section.heading.wrapped(to: width).map { Row(key: $0, text: "", keyWidth: nil) }
    return heading
      + section.lines.flatMap { line -> [Row] in
        let keys = line.key.wrapped(to: max(1, keyWidth - 1))
        let texts = line.text.wrapped(to: max(1, width - keyWidth))
        return (0..<max(keys.count, texts.count)).map { row in
          Row(
            key: row < keys.count ? keys[row] : "", text: row < texts.count ? texts[row] : "",
            keyWidth: keyWidth)
        }
      }
  }

  /// Columns of keys, which all sections have where there is room.
  private static let usualKeyWidth = 26

  private static func sections(_ state: AppState) -> [Section] {
    let view = ViewCatalog.view(state.view)
    let keys = [
      section("The \(view.title) view", view.bindings),
      section("Everywhere", GlobalKeys.bindings),
      section("A sheet of dials", SheetKeys.bindings),
    ]
    let commands = Section(
      heading: "Commands, after :",
      lines: CommandCatalog.all.map { Line(key: $0.usage, text: $0.help) })
    let passes = PassCatalog.all.map { type in
      Section(
        heading: "\(type.name): \(type.summary)",
        lines: type.init().settings.map { Line(key: $0.name, text: $0.help) })
    }
    return keys + [commands] + passes
  }

  private static func section(_ title: String, _ bindings: [Binding]) -> Section {
    Section(
      heading: title,
      lines: bindings.map {
        Line(
          key: $0.keys.map(\.label).joined(separator: " "), text: $0.help, label: $0.label ?? "")
      })
  }
}

/// Draws the help over the view.
enum HelpDrawing {
  /// Where the rows stand, in a frame.
  static func inner(_ area: Rect) -> Rect { area.inset().inset(left: 1, right: 1) }

  static func draw(_ state: AppState, on grid: inout CellGrid, in area: Rect) {
    guard let help = state.help else { return }
    let theme = state.theme
    grid.fill(area, with: Cell(" ", theme[.text]))
    let searching = help.isSearching || !help.search.string.isEmpty
    let title = searching ? "help · /\(help.search.string)\(help.isSearching ? "▏" : "")" : "help"
    grid.box(area, title: title, theme[.borderFocused], in: area)
    let inner = inner(area)
    let rows = HelpText.rows(state, matching: help.search.string, width: inner.width)
    if rows.isEmpty { grid.putLine("nothing matches", in: inner, theme[.dim]) }
    let first = min(help.scroll, max(0, rows.count - inner.height))
    for (index, row) in rows.dropFirst(first).prefix(inner.height).enumerated() {
      guard let keyWidth = row.keyWidth else {
        grid.putLine(row.key, in: inner, row: index, theme[.accent])
        continue
      }
      let (left, right) = inner.split(left: keyWidth)
      grid.putLine(row.key, in: left, row: index, theme[.key])
      grid.putLine(row.text, in: right, row: index, theme[.text])
    }
  }
}
