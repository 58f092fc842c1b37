internal import ArgumentParser
internal import CheckpointIO

/// The checkpoint a command works on.
struct FileArgument: ParsableArguments {
  @Argument(help: "The checkpoint, or a folder with one.", completion: .file())
  var file: String

  /// Opens it, and tells on stderr what is odd about it.
  func open() throws -> Checkpoint { try Checkpoint.openingTellingOddities(file) }
}

extension Checkpoint {
  /// Opens the file at `path`, and tells on stderr what is odd about it. Throws
  /// `CheckpointError.noWeights` where there is nothing to work on, unless it is only looked at.
  static func openingTellingOddities(
    _ path: String, toLook: Bool = false
  ) throws -> Checkpoint {
    let checkpoint = try open(path)
    if !toLook { try checkpoint.checkWeights() }
    for warning in checkpoint.warnings {
      StandardError.write("pare: warning: \(sentence(warning))\n")
    }
    return checkpoint
  }
}
