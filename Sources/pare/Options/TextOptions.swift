internal import ArgumentParser
internal import Workspace

/// On what a model's loss is measured.
struct TextOptions: ParsableArguments {
  /// How much of a text counts, in the words of the command line.
  enum Part: String, ExpressibleByArgument, CaseIterable {
    case all, validation

    var part: TextPart {
      switch self {
      case .all: .whole
      case .validation: .validation
      }
    }
  }

  @Option(
    name: .customLong("text"),
    help: ArgumentHelp(
      """
      Measure the loss on this UTF-8 text. Without it: on a text the original writes itself, \
      or, of the checkpoints inside the program, on a validation text.
      """,
      valueName: "file"),
    completion: .file())
  var path: String?

  @Option(
    name: .customLong("tokens"),
    help: ArgumentHelp(
      "Measure it on a file of token numbers with white space between them instead.",
      valueName: "file"),
    completion: .file())
  var tokensPath: String?

  @Option(
    help: ArgumentHelp(
      "How much of the text: all of it, or validation, its last tenth.", valueName: "part"))
  var part = Part.all

  func validate() throws {
    if path == nil, part != .all {
      throw ValidationError("--part needs --text FILE")
    }
    if path != nil, tokensPath != nil {
      throw ValidationError("--tokens takes the place of --text: one of them is given")
    }
  }

  var text: EvaluationText { path.map { .file($0) } ?? tokensPath.map { .tokens($0) } ?? .usual }
}
