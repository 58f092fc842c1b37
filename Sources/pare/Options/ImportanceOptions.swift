internal import ArgumentParser
internal import CheckpointIO
internal import Workspace

/// From what the importance of a matrix's columns is known: a text, or a file.
struct ImportanceOptions: ParsableArguments {
  @Option(
    name: .customLong("text"),
    help: ArgumentHelp(
      """
      With --type: weigh errors by what this UTF-8 text puts into each column, as llama.cpp \
      does with an importance matrix. A pass whose method sees what goes into layers runs it.
      """, valueName: "file"),
    completion: .file())
  var path: String?

  @Option(
    help: ArgumentHelp(
      "How much of the text: all of it, or validation, its last tenth.", valueName: "part"))
  var part = TextOptions.Part.all

  @Option(
    name: .customLong("importance"),
    help: ArgumentHelp(
      """
      With --type: weigh errors by an importance matrix, a file of pare importance or of \
      llama-imatrix (GGUF or the older form), in place of a text.
      """, valueName: "file"),
    completion: .file())
  var file: String?

  func validate() throws {
    if path == nil, part != .all {
      throw ValidationError("--part needs --text FILE")
    }
  }

  /// Reads the file, or measures it on the text; also how to call what it was known from. nil where
  /// neither is given.
  func measured(
    of checkpoint: Checkpoint, threads: Int
  ) throws -> (matrix: ImportanceMatrix, measuredOn: String)? {
    if let file {
      let name = file.split(separator: "/").last.map(String.init) ?? file
      return (try ImportanceMatrix(contentsOf: file), name)
    }
    guard let path else { return nil }
    return try Work.run("importance", threads: threads) {
      try Headless.importance(of: checkpoint, on: .file(path), part: part.part, in: $0)
    }
  }
}
