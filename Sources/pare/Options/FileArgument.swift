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
  /// Opens the file at `path`, and tells on stderr what is odd about it.
  static func openingTellingOddities(_ path: String) throws -> Checkpoint {
    let checkpoint = try open(path)
    for warning in checkpoint.warnings {
      StandardError.write("pare: warning: \(sentence(warning))\n")
    }
    return checkpoint
  }
}
