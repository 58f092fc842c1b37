internal import ArgumentParser
internal import Compression

/// The command line: `pare [FILE [OTHER]]` and its subcommands.
struct Pare: ParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "pare",
    abstract: "A workbench that makes language models smaller.",
    usage: "pare [FILE [OTHER]] [options]\npare <subcommand> …",
    version: version,
    subcommands: [ExploreCommand.self, InspectCommand.self]
      + PassCatalog.all.map { $0.command } + [
        ReachCommand.self, RunCommand.self, TrainCommand.self, CompressCommand.self,
        EvalCommand.self,
        CompareCommand.self,
        GenerateCommand.self,
        ConvertCommand.self, ImportanceCommand.self, BenchCommand.self,
      ],
    defaultSubcommand: ExploreCommand.self)
}
