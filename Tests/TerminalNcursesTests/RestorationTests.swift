import Foundation
import TestSupport
import Testing

/// However the program ends, the terminal is as it was.
@Suite(.serialized, .enabled(if: TmuxTerminal.isAvailable, "tmux is not installed"))
struct RestorationTests {
  /// A way to end, what the shell sees as its status, and a text that must be seen.
  struct Ending: Sendable, CustomTestStringConvertible {
    var name: String
    var status: Int32
    var text = ""
    var signal: Int32? = nil
    var key: String? = nil
    var testDescription: String { name }
  }

  static let endings = [
    Ending(name: "in order", status: 0, text: "ended by key q", key: "q"),
    Ending(name: "exit()", status: 3, key: "x"),
    Ending(name: "a trap", status: 128 + SIGILL, text: "a last word", key: "t"),
    Ending(name: "abort()", status: 128 + SIGABRT, key: "a"),
    Ending(name: "SIGTERM", status: 0, text: "ended by terminate 15", signal: SIGTERM),
    Ending(name: "SIGHUP", status: 0, text: "ended by terminate 1", signal: SIGHUP),
    Ending(name: "SIGINT", status: 0, text: "ended by terminate 2", signal: SIGINT),
    Ending(name: "SIGSEGV", status: 128 + SIGSEGV, signal: SIGSEGV),
    Ending(name: "SIGBUS", status: 128 + SIGBUS, signal: SIGBUS),
  ]

  @Test(arguments: endings) func theTerminalIsRestored(ending: Ending) throws {
    let terminal = try TmuxTerminal("/bin/sh")
    let probe = BuiltProgram.path("TerminalProbe")
    try terminal.send(
      "stty -g >../before; sh -c 'echo $$ >../id; exec \(probe)'; "
        + "echo status $?; stty -g >../after; echo over\n")
    try terminal.shows("ready")
    #expect(terminal.state("alternate_on") == "1")
    if let key = ending.key { try terminal.press(key) }
    if let signal = ending.signal {
      let id = try #require(Int32((terminal.text("id") ?? "").filter(\.isNumber)))
      #expect(kill(id, signal) == 0)
    }
    let screen = try terminal.screen("the shell back") {
      $0.contains("status \(ending.status)") && $0.contains("\nover")
    }
    #expect(ending.text.isEmpty || screen.contains(ending.text))
    try terminal.wait(for: "the modes noted") { terminal.text("after")?.hasSuffix("\n") == true }
    #expect(terminal.text("before") == terminal.text("after"))
    for (flag, value) in [
      ("alternate_on", "0"), ("mouse_any_flag", "0"), ("cursor_flag", "1"),
      ("keypad_cursor_flag", "0"),
    ] { #expect(terminal.state(flag) == value, "\(flag)") }
  }

  @Test(arguments: ["C-z", "kill -TSTP"]) func itStopsAndGoesOn(by way: String) throws {
    let terminal = try TmuxTerminal("exec bash --norc --noprofile -i")
    let probe = BuiltProgram.path("TerminalProbe")
    try terminal.send("stty -g >../before; \(probe)\n")
    try terminal.shows("ready")
    if way == "C-z" {
      try terminal.press("C-z")
    } else {
      let child = try #require(RestorationTests.child(of: terminal.state("pane_pid")))
      #expect(kill(child, SIGTSTP) == 0)
    }
    try terminal.shows("Stopped")
    #expect(terminal.state("alternate_on") == "0")
    try terminal.send("stty -g >../stopped; echo not''ed\n")
    try terminal.shows("noted")
    #expect(terminal.text("before") == terminal.text("stopped"))
    try terminal.resize(columns: 70, rows: 20)
    try terminal.send("fg\n")
    let screen = try terminal.shows("resumed")
    #expect(screen.hasPrefix("┌ 70×20 ") && screen.contains("ready"))
    try terminal.press("j")
    try terminal.shows("key j")
    try terminal.press("q")
    try terminal.shows("ended by key q")
  }

  /// The only child of a process (`/proc/ID/task/ID/children`).
  static func child(of id: String) -> Int32? {
    let text = try? String(contentsOfFile: "/proc/\(id)/task/\(id)/children", encoding: .utf8)
    return Int32((text ?? "").trimmingCharacters(in: .whitespaces))
  }
}
