internal import CNcurses
internal import Terminal

/// The kind of terminal that `TERM` names.
struct TerminalType {
  let name: String

  init(_ name: String) { self.name = name }

  /// Opens it, as its direct-colour sister where it says that it has all colours.
  func open() -> Bool {
    if let direct, unsafe pare_open(direct) != nil { return true }
    return unsafe pare_open(name) != nil
  }

  /// The same terminal described with colours by value instead of by palette index.
  private var direct: String? {
    guard TerminalType.wantsColor else { return nil }
    let says = NcursesTerminal.environment("COLORTERM")
    guard says == "truecolor" || says == "24bit" else { return nil }
    if name.hasPrefix("xterm") { return name == "xterm-direct" ? nil : "xterm-direct" }
    if name.hasPrefix("tmux") || name.hasPrefix("screen") {
      return name == "tmux-direct" ? nil : "tmux-direct"
    }
    return nil
  }

  /// False where the user set `NO_COLOR` (no-color.org).
  private static var wantsColor: Bool {
    (NcursesTerminal.environment("NO_COLOR") ?? "").isEmpty
  }

  /// The depth of the terminal just opened; its colours are started.
  static func colorDepth() -> ColorDepth {
    guard wantsColor, has_colors() else { return .monochrome }
    pare_start_color()
    if pare_terminal_has_direct_color() { return .trueColor }
    switch pare_colors() {
    case 256...: return .indexed256
    case 8...: return .ansi16
    default: return .monochrome
    }
  }
}
