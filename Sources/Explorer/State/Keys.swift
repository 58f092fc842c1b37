internal import Compression
internal import Terminal
internal import Workspace

/// Keys that work in every view.
public enum GlobalKeys {
  /// Which key opens which pass.
  static let passes: [String: Character] = [
    "prune": "p", "remove": "R", "quantize": "z", "allocate": "a", "slice": "i",
  ]

  public static var bindings: [Binding] { viewBindings + passBindings + general }

  private static var viewBindings: [Binding] {
    ViewCatalog.all.map { view in
      let id = view.id
      return Binding(.character(id.digit), help: "the \(view.title) view") { $0.show(id) }
    }
  }

  private static let passBindings = PassCatalog.all.compactMap { type -> Binding? in
    guard let key = passes[type.name] else { return nil }
    // The footer has room for two.
    let label = ["p", "z"].contains(key) ? type.name : nil
    return Binding(.character(key), label: label, help: "\(type.name): \(type.summary)") {
      $0.open(type)
    }
  }

  private static let general: [Binding] = [
    Binding(
      .character("u"), label: "undo", help: "go back to the revision before the last pass",
      unless: { $0.tree.canUndo ? nil : "There is nothing to undo." }, action: { _ in [.undo] }),
    Binding(
      .control("r"), help: "redo: go forward again",
      unless: { $0.tree.canRedo ? nil : "There is nothing to redo." }, action: { _ in [.redo] }),
    Binding(
      .character("c"), label: "cancel", help: "cancel the job that runs",
      unless: { $0.liveJobs.isEmpty ? "No job is running." : nil },
      action: { state in state.foremostJob.map { [.cancelJob($0.id)] } ?? [] }),
    Binding(
      .character("P"), help: "pause the job that runs, or let it go on",
      unless: { $0.liveJobs.isEmpty ? "No job is running." : nil },
      action: { state in
        state.foremostJob.map { [.pauseJob($0.id, $0.state != .paused)] } ?? []
      }),
    Binding(.character("S"), label: "save", help: "save the revision on screen") { state in
      state.openCommand("save ")
    },
    Binding(.character("C"), help: "self-compress: :compress TEXT") {
      $0.openCommand("compress ")
    },
    Binding(.character(":"), label: "command", help: "type a command; Tab completes it") {
      $0.openCommand("")
    },
    Binding(.character("E"), help: "export this view as text or SVG") {
      $0.openCommand("export \($0.view.rawValue).svg")
    },
    Binding(.character("M"), help: "turn the mouse off, so that text can be selected, or on") {
      state in
      state.isMouseOn.toggle()
      state.notice = Notice(state.isMouseOn ? "Mouse on." : "Mouse off: text can be selected.")
      return [.setMouse(state.isMouseOn)]
    },
    Binding(
      .character("?"), .function(1), label: "help", help: "help for this view; / searches it"
    ) { state in
      state.help = HelpState()
      return []
    },
    Binding(.escape, help: "one level back") { $0.back() },
    Binding(.control("z"), help: "suspend; fg comes back") { _ in [.suspend] },
    Binding(.control("l"), help: "draw the screen anew") { _ in [] },
    Binding(.character("q"), .control("c"), label: "quit", help: "leave; the session is kept") {
      $0.leave()
    },
  ]
}

/// Answers to the question whether to leave while jobs run.
enum LeavingKeys {
  static let bindings: [Binding] = [
    Binding(
      .character("y"), .character("Y"), .character("q"), .control("c"), label: "quit",
      help: "leave; what the jobs have not finished is lost"
    ) { _ in [.quit] },
    Binding(.character("n"), .character("N"), .escape, label: "stay", help: "go on") { _ in [] },
  ]
}

/// Keys that work while a sheet of dials is open.
public enum SheetKeys {
  public static let bindings: [Binding] = [
    Binding(.enter, label: "run", help: "queue the pass") { $0.runSheet() },
    Binding(.escape, label: "leave", help: "close the sheet; nothing changes") {
      $0.closeSheet()
    },
    Binding(.left, .character("h"), label: "turn", help: "turn the dial down") {
      $0.turnDial(by: -1)
    },
    Binding(.right, .character("l"), help: "turn the dial up") { $0.turnDial(by: 1) },
    Binding(.pageDown, .character("<"), help: "turn the dial down by ten steps") {
      $0.turnDial(by: -10)
    },
    Binding(.pageUp, .character(">"), help: "turn the dial up by ten steps") {
      $0.turnDial(by: 10)
    },
    Binding(.down, .tab, .character("j"), label: "dial", help: "the next dial") {
      $0.selectDial(by: 1)
    },
    Binding(.up, .backTab, .character("k"), help: "the dial before") { $0.selectDial(by: -1) },
    Binding(
      .character("y"), label: "as a command", help: "show and copy the pass as a shell command"
    ) {
      $0.copySheetAsCommand()
    },
  ]
}
