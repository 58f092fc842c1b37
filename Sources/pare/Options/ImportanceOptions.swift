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

  /// An importance matrix, and how to call where it comes from.
  typealias Importance = (matrix: ImportanceMatrix, measuredOn: String)

  /// Reads the file; nil where none is given.
  func read() throws -> Importance? {
    try file.map { file in
      (
        try ImportanceMatrix(contentsOf: file),
        file.split(separator: "/").last.map(String.init) ?? file
      )
    }
  }

  /// Measures it on the text; nil where none is given.
  func measured(of checkpoint: Checkpoint, threads: Int) throws -> Importance? {
    guard let path else { return nil }
    return try Work.run("importance", threads: threads) {
      try Headless.importance(of: checkpoint, on: .file(path), part: part.part, in: $0)
    }
  }
}
