public import ArgumentParser
internal import CheckpointIO
internal import Explorer
internal import Glibc
internal import Jobs
internal import Terminal
internal import TerminalNcurses
public import Workspace

/// `pare [FILE]`: the explorer, or its first view as text where there is no
/// terminal.
struct ExploreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explore",
    abstract: "Open a checkpoint in the explorer; the default.",
    discussion: "Without a terminal, prints the Blocks view as text.")

  @Argument(
    help: "The checkpoint; without one, the checkpoint inside the program.", completion: .file())
  var file: String?

  @Option(help: "Measure losses on this UTF-8 text.", completion: .file())
  var text: String?

  @Option(help: "How much of the text is measured: whole, or validation (its last tenth).")
  var part: TextPart = .whole

  @Option(help: "Colours: \(ThemeCatalog.names.joined(separator: ", ")).")
  var theme: String?

  @Flag(help: "Draw with ASCII alone.")
  var ascii = false

  @Option(help: "Threads that jobs may use.")
  var threads = 2

  func validate() throws {
    if let theme, !ThemeCatalog.names.contains(theme) {
      throw ValidationError(
        "there is no theme ‘\(theme)’; there are \(ThemeCatalog.names.joined(separator: ", "))")
    }
    guard (1...256).contains(threads) else {
      throw ValidationError("--threads is a number from 1 to 256, not \(threads)")
    }
  }

  func run() throws {
    guard let file else { throw UsageError("no checkpoint is embedded; name a file") }
    let checkpoint = try Checkpoint.open(file)
    let session = Session.standardDirectory(environment: Session.processEnvironment).map {
      Session(
        directory: $0, checkpointPath: checkpoint.path, checkpointName: checkpoint.name,
        checkpointBytes: checkpoint.fileByteCount)
    }
    let workbench = try Workbench(
      checkpoint: checkpoint, text: text.map { .file($0) } ?? .selfWritten, part: part,
      threads: threads, session: isTerminal ? session : nil)
    guard isTerminal else { return try printText(workbench) }
    let terminal = try NcursesTerminal(wakeDescriptor: workbench.mailbox.wakeDescriptor)
    let trace = Session.processEnvironment("PARE_TRACE").flatMap(FrameTrace.init)
    let app = ExplorerApp(
      workbench: workbench, terminal: terminal, theme: chosenTheme(terminal.capabilities),
      trace: trace)
    let complaint = app.run()
    terminal.close()
    if let complaint { StandardError.write("pare: \(complaint)\n") }
  }

  private var isTerminal: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 }

  private func chosenTheme(_ capabilities: Capabilities) -> Theme {
    let isASCII = ascii || !capabilities.unicode
    return ThemeCatalog.theme(
      named: theme ?? ThemeCatalog.names[0], depth: capabilities.colors, ascii: isASCII)
      ?? ThemeCatalog.standard(capabilities)
  }

  private func printText(_ workbench: Workbench) throws {
    let capabilities = Capabilities(colors: .monochrome, unicode: !ascii, mouse: false)
    let terminal = MemoryTerminal(columns: 110, rows: 30, capabilities: capabilities)
    let app = ExplorerApp(
      workbench: workbench, terminal: terminal, theme: ThemeCatalog.standard(capabilities))
    print(app.text())
  }
}

extension TextPart: ExpressibleByArgument {}
