import Foundation
import TestSupport
import Testing

/// The terminal layer in a real terminal, by a program that shows the events it gets.
@Suite(.serialized, .enabled(if: TmuxTerminal.isAvailable, "tmux is not installed"))
struct ProbeTests {
  static let probe = BuiltProgram.path("TerminalProbe")

  /// Also where `TERM` is not quite what the terminal is, as often inside tmux.
  @Test(arguments: ["tmux-256color", "xterm-256color"])
  func keysArrive(term: String) throws {
    let terminal = try TmuxTerminal(ProbeTests.probe, term: term)
    try terminal.shows("ready indexed256")
    let keys = [
      ("j", "j"), ("G", "G"), ("Down", "down"), ("Up", "up"), ("Left", "left"),
      ("Right", "right"), ("Home", "home"), ("End", "end"), ("PPage", "pageup"),
      ("NPage", "pagedown"), ("Enter", "enter"), ("Tab", "tab"), ("BTab", "backtab"),
      ("BSpace", "backspace"), ("DC", "delete"), ("F1", "f1"), ("F12", "f12"), ("C-c", "^c"),
      ("C-r", "^r"), ("M-x", "alt-x"), ("é", "é"), ("漢", "漢"), ("Escape", "escape"),
    ]
    for (key, name) in keys {
      let before = terminal.trace.count
      try terminal.press(key)
      try terminal.wait(for: "key \(key)") { terminal.trace.count > before }
      try terminal.screen("key \(name) last") { ProbeTests.lastLine($0) == "key \(name)" }
    }
  }

  @Test func theMouseArrives() throws {
    let terminal = try TmuxTerminal(ProbeTests.probe)
    try terminal.shows("ready")
    try terminal.mouse(0, x: 4, y: 2)
    try terminal.mouse(32, x: 9, y: 3)
    try terminal.mouse(3, x: 9, y: 3)
    try terminal.mouse(64, x: 0, y: 0)
    try terminal.mouse(65, x: 79, y: 23)
    let screen = try terminal.shows("mouse wheelDown none 79,23")
    for line in [
      "mouse press left 4,2", "mouse drag left 9,3", "mouse release left 9,3",
      "mouse wheelUp none 0,0",
    ] { #expect(screen.contains(line)) }
    #expect(terminal.state("mouse_button_flag") == "1")
    try terminal.press("m")
    try terminal.wait(for: "the mouse off") { terminal.state("mouse_any_flag") == "0" }
  }

  @Test func theMouseArrivesInTheLongForm() throws {
    let terminal = try TmuxTerminal(ProbeTests.probe, term: "xterm-256color")
    try terminal.shows("ready")
    try terminal.send("\u{1B}[<0;5;3M\u{1B}[<32;10;4M\u{1B}[<0;10;4m")
    let screen = try terminal.shows("mouse release left 9,3")
    #expect(screen.contains("mouse press left 4,2") && screen.contains("mouse drag left 9,3"))
  }

  @Test func pastedTextIsNoKeys() throws {
    let terminal = try TmuxTerminal(ProbeTests.probe)
    try terminal.shows("ready")
    try terminal.send("\u{1B}[200~quit: q x\u{1B}[201~")
    try terminal.shows("paste 9 quit: q x")
    try terminal.press("w")
    try terminal.shows("wake")
  }

  @Test func resizesArrive() throws {
    let terminal = try TmuxTerminal(ProbeTests.probe)
    try terminal.shows("80×24")
    try terminal.resize(columns: 20, rows: 5)
    try terminal.screen("a frame of 20 × 5") {
      $0.hasPrefix("┌ 20×5 ────────────┐\n") && $0.contains("resize 20x5")
        && $0.hasSuffix("└──────────────────┘\n")
    }
    try terminal.resize(columns: 120, rows: 40)
    try terminal.screen("a frame of 120 × 40") {
      $0.hasPrefix("┌ 120×40 ─") && $0.contains("resize 120x40")
        && $0.split(separator: "\n").count == 40
    }
  }

  @Test func heldKeysShareFrames() throws {
    let terminal = try TmuxTerminal(ProbeTests.probe)
    try terminal.shows("ready")
    try terminal.send(String(repeating: "j", count: 2000))
    try terminal.press("Down")
    try terminal.screen("the last key") { ProbeTests.lastLine($0) == "key down" }
    #expect(terminal.trace.count < 1000)
  }

  @Test(arguments: [
    ("tmux-256color", "", "38;5;74"), ("xterm", "", "36"),
    ("tmux-256color", "truecolor", "38;2;108;182;217"),
    ("xterm-256color", "truecolor", "38;2;108;182;217"),
    ("vt100", "", "(none)"),
  ])
  func coloursAreTheBestThereAre(term: String, colorTerm: String, code: String) throws {
    let terminal = try TmuxTerminal(
      ProbeTests.probe, term: term, environment: ["COLORTERM": colorTerm])
    try terminal.shows("ready")
    let styled = terminal.styledScreen
    if code == "(none)" {
      #expect(!ProbeTests.hasColor(styled) && terminal.screen.contains("ready monochrome"))
    } else {
      #expect(styled.contains("\u{1B}[\(code)m"), "\(styled.debugDescription)")
    }
  }

  @Test func noColorMeansNone() throws {
    let terminal = try TmuxTerminal(
      ProbeTests.probe, environment: ["COLORTERM": "truecolor", "NO_COLOR": "1"])
    try terminal.shows("ready monochrome")
    #expect(!ProbeTests.hasColor(terminal.styledScreen))
  }

  @Test(arguments: [("", "│"), ("C", "│"), ("en_US.ISO-8859-1", "│")])
  func linesAreDrawnWithoutALocale(lang: String, line: String) throws {
    let terminal = try TmuxTerminal(
      "env -u LC_ALL LANG=\(lang) \(ProbeTests.probe)")
    let screen = try terminal.shows("ready")
    #expect(screen.contains("\(line)ready"))
  }

  @Test(arguments: [
    ("TERM=nonesuch", "TERM names an unknown kind of terminal: nonesuch"),
    ("TERM=", "TERM is not set"), ("TERM=dumb", "kind dumb cannot show a screen"),
  ])
  func anUnknownTerminalGetsASentence(setting: String, sentence: String) throws {
    let terminal = try TmuxTerminal("\(setting) \(ProbeTests.probe); echo status $?; exec cat")
    let screen = try terminal.shows("status 2")
    #expect(screen.contains("probe: ") && screen.contains(sentence))
  }

  /// True if any colour but the terminal's own is asked for.
  static func hasColor(_ styled: String) -> Bool {
    styled.split(separator: "\u{1B}[").contains { piece in
      ["3", "4", "9", "10"].contains { start in
        (0...8).contains { piece.hasPrefix("\(start)\($0)m") || piece.hasPrefix("\(start)8;") }
      }
    }
  }

  static func lastLine(_ screen: String) -> String {
    screen.split(separator: "\n").map {
      $0.trimmingCharacters(in: CharacterSet(charactersIn: "│ "))
    }
    .last { !$0.isEmpty && !$0.hasPrefix("└") } ?? ""
  }
}
