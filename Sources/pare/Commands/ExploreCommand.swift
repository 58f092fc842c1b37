internal import ArgumentParser
internal import CheckpointIO
internal import Explorer
internal import Glibc
internal import Jobs
internal import Terminal
internal import TerminalNcurses
internal import Workspace

/// `pare [FILE]`: the explorer; where there is no terminal, its first view as
/// text.
struct ExploreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explore",
    abstract: "Open the explorer on a checkpoint (pare FILE does the same).",
    discussion: """
      Without a file it opens the checkpoint that is part of the program, and beside it what \
      that became when it compressed itself. Where input or \
      output is no terminal it prints one view, Blocks unless told otherwise, and ends.
      """)

  @Argument(help: "The checkpoint.", completion: .file())
  var file: String?

  @Argument(
    help: "Another checkpoint of the same network, to stand beside it.", completion: .file())
  var other: String?

  @OptionGroup var network: NetworkOptions
  @OptionGroup var text: TextOptions

  @Option(
    help: ArgumentHelp(
      "Colours: \(ThemeCatalog.names.joined(separator: ", ")).", valueName: "name"),
    completion: .list(ThemeCatalog.names))
  var theme: String?

  @Option(
    help: ArgumentHelp(
      "View to begin with: \(ViewID.allCases.map(\.rawValue).joined(separator: ", ")).",
      valueName: "name"),
    completion: .list(ViewID.allCases.map(\.rawValue)))
  var view: String?

  @Flag(help: "Draw with ASCII alone.")
  var ascii = false

  @OptionGroup var threads: ThreadOptions

  func validate() throws {
    if let theme, !ThemeCatalog.names.contains(theme) {
      let names = ThemeCatalog.names.joined(separator: ", ")
      throw ValidationError("--theme is one of \(names), not \(theme)")
    }
    if let view, ViewID(rawValue: view) == nil {
      let names = ViewID.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("--view is one of \(names), not \(view)")
    }
  }

  func run() throws {
    let isTerminal = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1
    guard Workbench.canStart else {
      throw CommandError(
        "too few threads can be started for the explorer; see ulimit -u and ulimit -v")
    }
    let checkpoint =
      try file.map { try Checkpoint.open($0, settings: network.settings) } ?? Embedded.open()
    let session = isTerminal ? session(of: checkpoint) : nil
    let workbench = try Workbench(
      checkpoint: checkpoint, text: text.text, part: text.part.part, threads: threads.count,
      session: session)
    if let other {
      try workbench.stand(beside: other)
    } else if file == nil, isTerminal, session?.tree == nil {
      try workbench.standBesideEmbedded()
    }
    if let view { workbench.place["view"] = view }
    if isTerminal { try explore(workbench) } else { try print(workbench) }
  }

  private func explore(_ workbench: Workbench) throws {
    let terminal = try NcursesTerminal(wakeDescriptor: workbench.mailbox.wakeDescriptor)
    let app = ExplorerApp(
      workbench: workbench, terminal: terminal, theme: theme(for: terminal.capabilities),
      trace: environment("PARE_TRACE").flatMap { FrameTrace(path: $0) })
    let loss = app.run()
    terminal.close()
    if let loss { throw CommandError(loss) }
  }

  /// Rows that every model's blocks get; the others are the frame's.
  private static let frameRows = 14
  private static let columns = 110

  private func print(_ workbench: Workbench) throws {
    let checkpoint = workbench.checkpoint
    let view = view.flatMap { ViewID(rawValue: $0) }.map { ViewCatalog.view($0) }
    let rows =
      checkpoint.blockMap.blocks.count + checkpoint.blockMap.outside.count
      + (view?.printedRows ?? 0)
    let capabilities = Capabilities(colors: .monochrome, unicode: !ascii, mouse: false)
    let terminal = MemoryTerminal(
      columns: Self.columns, rows: max(rows + Self.frameRows, FrameLayout.smallest.rows),
      capabilities: capabilities)
    let app = ExplorerApp(
      workbench: workbench, terminal: terminal, theme: theme(for: capabilities))
    StandardOutput.write(app.text())
    _ = workbench.close()
  }

  private func theme(for capabilities: Capabilities) -> Theme {
    var capabilities = capabilities
    // https://no-color.org: set and not empty, whatever it says.
    if environment("NO_COLOR").map({ !$0.isEmpty }) == true { capabilities.colors = .monochrome }
    if ascii { capabilities.unicode = false }
    return theme.flatMap {
      ThemeCatalog.theme(named: $0, depth: capabilities.colors, ascii: !capabilities.unicode)
    } ?? ThemeCatalog.standard(capabilities)
  }

  private func session(of checkpoint: Checkpoint) -> Session? {
    Session.standardDirectory(environment: environment).map {
      Session(directory: $0, checkpoint: checkpoint)
    }
  }

  private func environment(_ name: String) -> String? { Session.processEnvironment(name) }
}
