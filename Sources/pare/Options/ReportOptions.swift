internal import ArgumentParser

/// How a command tells what it found.
struct ReportOptions: ParsableArguments {
  @Flag(help: "Print the result as JSON.")
  var json = false
}
