internal import ArgumentParser
internal import CheckpointIO

/// The checkpoint a command works on.
struct FileArgument: ParsableArguments {
  @Argument(help: "The checkpoint, or a folder with one.", completion: .file())
  var file: String

  @OptionGroup var network: NetworkOptions

  /// Opens it, and tells on stderr what is odd about it; where its network is `run`, also what
  /// is taken for granted of that.
  func open(toRun isRun: Bool = false) throws -> Checkpoint {
    try network.open(file, toRun: isRun)
  }
}

extension Checkpoint {
  /// Opens the file at `path` with these settings, and tells on stderr what is odd about it.
  /// Throws `CheckpointError.noWeights` where there is nothing to work on, and `.unreadCodes`
  /// where weights are codes that are not read, unless it is only looked at.
  static func openingTellingOddities(
    _ path: String, settings: [String: String] = [:], toLook: Bool = false
  ) throws -> Checkpoint {
    let checkpoint = try open(path, settings: settings)
    if !toLook { try checkpoint.checkWeights() }
    for warning in checkpoint.warnings {
      StandardError.write("pare: warning: \(sentence(warning))\n")
    }
    return checkpoint
  }
}
