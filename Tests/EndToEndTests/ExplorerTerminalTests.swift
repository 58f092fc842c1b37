import Foundation
import TestSupport
import Testing

/// The explorer as a person uses it, in a real terminal.
@Suite(.serialized, .enabled(if: TmuxTerminal.isAvailable, "tmux is not installed"))
struct ExplorerTerminalTests {
  static let sizes = [(80, 24), (160, 50)]

  /// A shell that opens the explorer on a copy of a tiny checkpoint, and notes the modes of
  /// the terminal before and after.
  private func open(_ columns: Int, _ rows: Int) throws -> TmuxTerminal {
    let terminal = try TmuxTerminal("exec bash --norc --noprofile -i", columns: columns, rows: rows)
    let copy = terminal.home.appendingPathComponent("tiny.safetensors")
    try FileManager.default.copyItem(
      at: URL(fileURLWithPath: Fixtures.checkpoint("tiny.safetensors")), to: copy)
    try start(terminal)
    return terminal
  }

  private func start(_ terminal: TmuxTerminal) throws {
    try terminal.send(
      "clear; stty -g >../before; \(Program.path) tiny.safetensors; "
        + "echo status $?; stty -g >../after; echo ov''er\n")
    try terminal.shows("1 Blocks")
    try terminal.shows("ppl")
  }

  private func expectRestored(_ terminal: TmuxTerminal) throws {
    try terminal.shows("over")
    #expect(terminal.text("before") == terminal.text("after"))
    #expect(terminal.state("alternate_on") == "0")
    #expect(terminal.state("cursor_flag") == "1")
    #expect(terminal.state("mouse_any_flag") == "0")
  }

  @Test(arguments: sizes) func pruneCompareUndoSaveQuit(columns: Int, rows: Int) throws {
    let terminal = try open(columns, rows)
    let before = terminal.screen
    try terminal.press("Down", "Down")
    try terminal.screen("the cursor moved") { $0 != before }
    try terminal.press("p")
    let sheet = try terminal.shows("amount")
    try terminal.press("Right", "Right")
    try terminal.screen("the dial turned") { $0.contains("amount") && $0 != sheet }
    try terminal.press("Enter")
    try terminal.shows("r1 prune")
    try terminal.idle()
    try terminal.press("3")
    try terminal.screen("both revisions") {
      $0.contains("r0 original") && $0.contains("r1 prune") && $0.contains("│")
    }
    try terminal.press("1")
    try terminal.press("u")
    try terminal.screen("the original") { ExplorerTerminalTests.title($0).contains("r0 original") }
    try terminal.press("C-r")
    try terminal.screen("the revision") { ExplorerTerminalTests.title($0).contains("r1 prune") }
    try terminal.press("S")
    try terminal.shows("save")
    try terminal.send("out.safetensors\r")
    try terminal.shows("Saved out.safetensors")
    try terminal.press("q")
    try terminal.shows("status 0")
    try expectRestored(terminal)
    let saved = terminal.home.appendingPathComponent("out.safetensors").path
    #expect(FileManager.default.fileExists(atPath: saved))
  }

  @Test func tinyAndBackAgain() throws {
    let terminal = try open(80, 24)
    let before = terminal.screen
    try terminal.resize(columns: 20, rows: 5)
    try terminal.screen("the size it has and needs") { $0.contains("20") && $0.contains("60") }
    try terminal.resize(columns: 80, rows: 24)
    try terminal.screen("the view again") { $0 == before }
  }

  @Test func stopsAndGoesOn() throws {
    let terminal = try open(80, 24)
    let before = terminal.screen
    try terminal.press("C-z")
    try terminal.shows("Stopped")
    #expect(terminal.state("alternate_on") == "0")
    try terminal.send("stty -g >../stopped; echo not''ed\n")
    try terminal.shows("noted")
    #expect(terminal.text("before") == terminal.text("stopped"))
    try terminal.send("fg\n")
    try terminal.screen("the view again") { $0 == before }
    try terminal.press("q")
    try expectRestored(terminal)
  }

  /// A file that is cut short while it is on screen is a sentence, and no signal.
  @Test func aFileCutShortIsASentence() throws {
    let terminal = try open(80, 24)
    try terminal.press("2")
    try terminal.shows("weights")
    try terminal.idle()
    let file = terminal.home.appendingPathComponent("tiny.safetensors").path
    #expect(unsafe truncate(file, 4096) == 0)
    try terminal.press("n")
    try terminal.shows("tiny.safetensors was changed, cut short")
    try terminal.press("3")
    try terminal.shows("r0 original")
    try terminal.press("2", "Tab", "Tab", "Tab", "Tab", "Tab", "N")
    try terminal.shows("codes")
    try terminal.press("q")
    try terminal.shows("status 0")
    try expectRestored(terminal)
  }

  @Test(arguments: [SIGTERM, SIGHUP]) func aSignalEndsInOrder(signal: Int32) throws {
    let terminal = try open(80, 24)
    #expect(kill(try child(of: terminal), signal) == 0)
    try expectRestored(terminal)
  }

  @Test func killedItReopensWhereItWas() throws {
    let terminal = try open(80, 24)
    try terminal.press("p")
    try terminal.shows("amount")
    try terminal.press("Enter")
    try terminal.shows("r1 prune")
    try terminal.idle()
    // It is written beside the work, not before the screen shows it.
    try terminal.wait(for: "the session on disk") { sessions(of: terminal).contains("prune") }
    #expect(kill(try child(of: terminal), SIGKILL) == 0)
    try terminal.wait(for: "the shell") { terminal.text("after")?.hasSuffix("\n") == true }
    try terminal.send("\nstty sane; tput rmcup; tput cnorm\n")
    try start(terminal)
    try terminal.screen("the revision") { ExplorerTerminalTests.title($0).contains("r1 prune") }
    try terminal.press("u")
    try terminal.screen("the original") { ExplorerTerminalTests.title($0).contains("r0 original") }
  }

  /// All that is kept of sessions; a file that is still being written is not.
  private func sessions(of terminal: TmuxTerminal) -> String {
    let folder = terminal.home.appendingPathComponent("pare")
    let files = try? FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil, options: .skipsHiddenFiles)
    return (files ?? []).compactMap { try? String(contentsOf: $0, encoding: .utf8) }.joined()
  }

  /// The explorer's process: the only child of the shell.
  private func child(of terminal: TmuxTerminal) throws -> Int32 {
    let id = terminal.state("pane_pid")
    let text = try String(contentsOfFile: "/proc/\(id)/task/\(id)/children", encoding: .utf8)
    return try #require(Int32(text.trimmingCharacters(in: .whitespaces)))
  }

  private static func title(_ screen: String) -> Substring {
    screen.prefix { $0 != "\n" }
  }
}
