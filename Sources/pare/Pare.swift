internal import ArgumentParser

/// The command line: `pare [FILE]` and its subcommands.
struct Pare: ParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "pare",
    abstract: "A workbench that makes language models smaller.",
    usage: "pare [FILE] [options]\npare <subcommand> …",
    version: version,
    subcommands: [ExploreCommand.self, InspectCommand.self],
    defaultSubcommand: ExploreCommand.self)
}
