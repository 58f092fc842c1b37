internal import ArgumentParser

/// The checkpoint a command works on.
struct FileArgument: ParsableArguments {
  @Argument(help: "The checkpoint.", completion: .file())
  var file: String
}
