internal import CNcurses

/// Sequences for modes that ncurses does not know, and for a terminal left by a dying process.
enum TerminalModes {
  /// Reports of a mouse moved with a button down, on top of what ncurses asks for.
  static let drags = "\u{1B}[?1002h"
  static let noDrags = "\u{1B}[?1002l"
  /// Marks around pasted text.
  static let enter = "\u{1B}[?2004h"
  static let leave = "\u{1B}[?1002l\u{1B}[?2004l"

  /// All that undoes what we and ncurses did, from the terminal's description.
  static func rescue() -> String {
    var text = "\u{1B}[?1002l\u{1B}[?1000l\u{1B}[?1006l\u{1B}[?2004l"
    if unsafe !pare_terminal_has("kmous") { text = "" }
    for name in ["sgr0", "op", "rmkx", "cnorm", "rmcup"] { text += capability(name) }
    return text + "\r"
  }

  /// A capability's string without its padding (`$<20/>`).
  private static func capability(_ name: String) -> String {
    guard unsafe pare_terminal_has(name), let value = unsafe tigetstr(name) else { return "" }
    var text = ""
    var isPadding = false
    for character in unsafe String(cString: value) {
      if character == "<", text.hasSuffix("$") {
        text.removeLast()
        isPadding = true
      } else if isPadding {
        isPadding = character != ">"
      } else {
        text.append(character)
      }
    }
    return text
  }
}
