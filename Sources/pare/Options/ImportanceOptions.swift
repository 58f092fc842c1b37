internal import ArgumentParser
internal import Workspace

/// On what the importance of a matrix's columns is measured.
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

  func validate() throws {
    if path == nil, part != .all {
      throw ValidationError("--part needs --text FILE")
    }
  }
}
