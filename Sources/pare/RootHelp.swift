internal import ArgumentParser

/// The help of `pare` itself. The explorer needs no command, so its options are
/// listed there too, as its own help describes them.
enum RootHelp {
  /// `message`, with the explorer's options where it is the help of `pare`.
  static func text(_ message: String) -> String {
    let lines = lines(message)
    guard message == Pare.helpMessage(),
      let place = lines.firstIndex(where: { $0.hasPrefix("SUBCOMMANDS:") })
    else { return message }
    let all = lines[..<place] + ["EXPLORER OPTIONS:"] + explorerOptions + [""] + lines[place...]
    return all.joined(separator: "\n")
  }

  /// The lines of the explorer's options, but those that every command has.
  private static var explorerOptions: [Substring] {
    Array(
      lines(ExploreCommand.helpMessage()).drop { !$0.hasPrefix("OPTIONS:") }.dropFirst()
        .prefix { !$0.isEmpty && !$0.hasPrefix("  --version ") && !$0.hasPrefix("  -h, ") })
  }

  private static func lines(_ text: String) -> [Substring] {
    text.split(separator: "\n", omittingEmptySubsequences: false)
  }
}
