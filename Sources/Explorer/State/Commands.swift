internal import Compression
internal import Workspace

/// A command of the command line `:`.
public struct Command: Sendable {
  public let name: String
  /// How it is typed: `save FILE`.
  public let usage: String
  public let help: String
  /// Whether it is done only where its whole name is typed: it starts work.
  let isTypedInFull: Bool
  /// Words that may stand in place of the last one.
  let completions: @Sendable (AppState, _ words: [String]) -> [String]
  let run: @Sendable (inout AppState, _ words: [String]) throws -> [Effect]

  package init(
    _ name: String, _ usage: String, _ help: String, isTypedInFull: Bool = false,
    completing completions: @escaping @Sendable (AppState, [String]) -> [String] = { _, _ in [] },
    run: @escaping @Sendable (inout AppState, [String]) throws -> [Effect]
  ) {
    self.name = name
    self.usage = usage
    self.help = help
    self.isTypedInFull = isTypedInFull
    self.completions = completions
    self.run = run
  }
}

/// What a command finds wrong, in one sentence.
struct CommandError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// Every command: the passes, what belongs to no view, then those of the views.
public enum CommandCatalog {
  /// The command of a name, or of the beginning of one that no other command shares. Throws
  /// `CommandError`.
  static func command(_ word: String) throws -> Command {
    if let command = all.first(where: { $0.name == word }) { return command }
    let like = all.filter { $0.name.hasPrefix(word) }
    let candidates = like.filter { !$0.isTypedInFull }
    if candidates.count == 1 { return candidates[0] }
    guard !candidates.isEmpty else {
      guard !like.isEmpty else {
        throw CommandError("There is no command ‘\(word)’; ? lists them.")
      }
      let names = like.map(\.name).joined(separator: ", ")
      throw CommandError("‘\(word)’ is no command; \(names) must be typed in full.")
    }
    let names = candidates.map(\.name).joined(separator: ", ")
    throw CommandError("‘\(word)’ may be \(names); type more of it.")
  }

  public static var all: [Command] {
    passCommands + fileCommands + walkCommands + ViewCatalog.all.flatMap { $0.commands }
  }

  private static let passCommands = PassCatalog.all.map(passCommand)

  private static func passCommand(_ type: any CompressionPass.Type) -> Command {
    let pass = type.init()
    let options = pass.settings.first.map { " [--\($0.name) …]" } ?? ""
    return Command(
      type.name, "\(type.name)\(options) [--layers …]",
      type.summary, isTypedInFull: true,
      completing: { state, words in
        CommandText.optionCompletions(pass.settings, state, words)
      },
      run: { state, words in
        [.run(try CommandText.step(type, words, marked: state.marked), on: state.current)]
      })
  }

  private static let fileCommands: [Command] = [
    Command(
      "save", "save FILE [--dense] [--type q4_k] [--force]",
      "write the revision on screen: safetensors, packed or --dense; .pt, .pth and .bin are "
        + "PyTorch; .gguf is GGUF, in blocks of --type",
      completing: { _, words in SaveCommand.completions(of: words) }
    ) { state, words in
      let save = try SaveCommand(words)
      return [
        .save(state.current, path: save.path, as: save.request, overwrite: save.overwrite)
      ]
    },
    Command(
      "recipe", "recipe FILE [--force]", "write the passes of the revision on screen as a recipe",
      completing: { _, words in FilePaths.completions(of: words, flags: ["--force"]) }
    ) { state, words in
      guard state.current != .original else {
        throw CommandError("r0 is the original: there are no passes to write")
      }
      return [
        .writeRecipe(
          state.current, path: try CommandText.onePath("recipe", words),
          overwrite: words.contains("--force"))
      ]
    },
    Command(
      "run", "run RECIPE", "queue the passes of a recipe on the revision on screen",
      isTypedInFull: true,
      completing: { _, words in FilePaths.completions(of: words, flags: []) }
    ) { state, words in
      [.runRecipe(path: try CommandText.onePath("run", words), on: state.current)]
    },
    Command(
      "beside", "beside FILE", "bring another checkpoint of this network in as a revision",
      completing: { _, words in FilePaths.completions(of: words, flags: []) }
    ) { state, words in
      [.stand(besidePath: FilePaths.expanded(try CommandText.onePath("beside", words)))]
        + state.show(.compare)
    },
    Command(
      "export", "export FILE.txt|FILE.svg [--force]", "write this view as text or as a drawing",
      completing: { _, words in FilePaths.completions(of: words, flags: ["--force"]) }
    ) { _, words in
      let path = try CommandText.onePath("export", words)
      guard path.hasSuffix(".txt") || path.hasSuffix(".svg") else {
        throw CommandError("export writes .txt or .svg, not ‘\(path)’")
      }
      return [.export(path: path, overwrite: words.contains("--force"))]
    },
  ]

  private static let walkCommands: [Command] = [
    Command(
      "go", "go rN", "show another revision",
      completing: { state, _ in state.tree.revisions.map { $0.id.description } }
    ) { state, words in [.go(try CommandText.revision(words, state))] },
    Command("eval", "eval", "measure the revision on screen again") { state, _ in
      [.measure(state.current)]
    },
    Command(
      "reach", "reach 1.5MB [TEXT]",
      "find and run the mix of levels that comes to a size, 4.0b/w, or loss=2.95 best; with a text "
        + "by what it puts into layers",
      isTypedInFull: true
    ) { state, words in
      for count in stride(from: words.count, to: 0, by: -1) {
        guard let target = MixTarget(words[..<count].joined(separator: " ")) else { continue }
        let text = words[count...].joined(separator: " ")
        return [.reach(target, on: text.isEmpty ? nil : text, from: state.current)]
      }
      throw CommandError("reach takes a size, bits per weight or a loss: reach 1.5MB")
    },
    Command(
      "theme", "theme NAME", "change the colours",
      completing: { _, _ in ThemeNames.all }
    ) { state, words in
      guard let name = words.first, let theme = ThemeNames.theme(name, like: state.theme) else {
        throw CommandError("themes are \(ThemeNames.all.joined(separator: ", "))")
      }
      state.theme = theme
      return []
    },
    Command("undo", "undo", "back to the revision before") { _, _ in [.undo] },
    Command("redo", "redo", "forward again") { _, _ in [.redo] },
    Command("help", "help", "help for this view") { state, _ in
      state.help = HelpState()
      return []
    },
    Command("quit", "quit", "leave; the session is kept") { state, _ in state.leave() },
  ]
}
