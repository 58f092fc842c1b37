import Foundation
import TestSupport
import Testing

/// Results that cannot be written are a failure.
@Suite struct CommandLineStreamTests {
  private static let model = Fixtures.checkpoint("tiny.safetensors")

  /// Every command, with arguments that give it something to say.
  private static let commands: [String: [String]] = [
    "explore": [model],
    "inspect": [model],
    "prune": [model, "-o", "out.safetensors", "--force"],
    "quantize": [model, "-o", "out.safetensors", "--force"],
    "allocate": [model, "-o", "out.safetensors", "--force", "--weighing", "none"],
    "remove": [
      model, "-o", "out.safetensors", "--force", "--method", "magnitude",
    ],
    "slice": [model, "-o", "out.safetensors", "--force"],
    "run": ["recipe.yaml", model, "-o", "out.safetensors", "--force"],
    "train": [
      "text", "-o", "out.safetensors", "--force", "--preset", "tiny", "--steps", "1", "--batch",
      "1", "--context", "8", "--blocks", "1", "--width", "16", "--heads", "1",
    ],
    "compress": [
      model, "--text", "text", "-o", "out.safetensors", "--force", "--steps", "1", "--batch", "1",
      "--context", "8",
    ],
    "reach": [
      "100KB", model, "-o", "out.safetensors", "--force", "--method", "nearest",
    ],
    "eval": [model, "--text", "text"],
    "compare": [model, model, "--weights-only"],
    "generate": [model, "--tokens", "3"],
    "convert": [model, "-o", "out.safetensors", "--force"],
    "importance": [model, "--text", "text", "-o", "out", "--force"],
  ]

  /// Takes three quarters of a minute, so it is run by hand; its output goes the same way.
  private static let slow: Set<String> = ["bench"]

  private func scratch() throws -> Scratch {
    let scratch = try Scratch()
    let text = String(repeating: "To be, or not to be, that is the question.\n", count: 20)
    try Data(text.utf8).write(to: URL(fileURLWithPath: scratch.path("text")))
    let recipe = "pare: 1\npasses:\n  - prune: {amount: 0.5}\n"
    try Data(recipe.utf8).write(to: URL(fileURLWithPath: scratch.path("recipe.yaml")))
    return scratch
  }

  @Test func everyCommandIsListed() throws {
    let help = try Program.run(["--help"], in: Scratch()).output
    let names = help.components(separatedBy: "SUBCOMMANDS:\n")[1].split(separator: "\n")
      .filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") && !$0.contains("See ") }
      .compactMap { $0.split(separator: " ").first.map(String.init) }
    #expect(Set(names) == Self.slow.union(Self.commands.keys))
  }

  @Test(arguments: commands.keys.sorted(), ["> /dev/full", ">&-"])
  func whatCannotBeWrittenIsAFailure(command: String, redirection: String) throws {
    let scratch = try scratch()
    for option in command == "explore" ? [[]] : [[], ["--json"]] {
      let arguments = [command] + (Self.commands[command] ?? []) + option
      let outcome = try Program.run(inShell: "\"$@\" \(redirection)", arguments, in: scratch)
      #expect(outcome.status == 1, "\(arguments)")
      let reason =
        redirection.hasSuffix("full") ? "No space left on device" : "Bad file descriptor"
      #expect(
        outcome.error.hasSuffix("pare: standard output cannot be written: \(reason)\n"),
        "\(outcome.error)")
    }
  }

  @Test(arguments: [
    ["--help"], ["--version"], ["help", "prune"], ["prune", "--help"],
    ["--generate-completion-script", "zsh"],
  ])
  func helpThatCannotBeWrittenIsAFailure(arguments: [String]) throws {
    let outcome = try Program.run(inShell: "\"$@\" > /dev/full", arguments, in: Scratch())
    #expect(outcome.status == 1)
    #expect(outcome.error == "pare: standard output cannot be written: No space left on device\n")
  }

  /// Nobody reads: quietly, by the signal that ends other programs too, and with a
  /// sentence where the signal is ignored.
  @Test func aBrokenPipeEndsTheProgram() throws {
    let words = ["generate", Self.model, "--tokens", "100000"]
    let line = "{ \"$@\"; echo $? >&2; } | head -c 1"
    let quiet = try Program.run(inShell: line, words, in: Scratch())
    #expect(quiet.error == "141\n")
    let told = try Program.run(inShell: "trap '' PIPE; " + line, words, in: Scratch())
    #expect(told.error == "pare: standard output cannot be written: Broken pipe\n1\n")
  }

  /// Nobody reads the progress: the work goes on.
  @Test func aBrokenErrorStreamEndsNothing() throws {
    let scratch = try scratch()
    let words = ["train"] + (Self.commands["train"] ?? [])
    let line = "{ \"$@\" 2>&1 >/dev/null; echo $? > status; } | true"
    _ = try Program.run(inShell: line, words, in: scratch)
    #expect(try scratch.bytes("status") == Data("0\n".utf8))
  }

  /// With standard output closed, no file gets its number.
  @Test func resultsNeverGoIntoAFile() throws {
    let scratch = try scratch()
    let words = ["convert"] + (Self.commands["convert"] ?? [])
    #expect(try Program.run(words, in: scratch).status == 0)
    let whole = try scratch.bytes("out.safetensors")
    #expect(try Program.run(inShell: "\"$@\" <&- >&- 2>&-", words, in: scratch).status == 1)
    #expect(try scratch.bytes("out.safetensors") == whole)
  }

  @Test func aFileThatMayNotGrowIsTold() throws {
    let scratch = try scratch()
    let words = ["convert", Self.model, "-o", "out.safetensors"]
    let outcome = try Program.run(inShell: "ulimit -f 8; \"$@\"", words, in: scratch)
    #expect(outcome.status == 1)
    #expect(outcome.error == "pare: cannot write out.safetensors: File too large\n")
    #expect(!scratch.names.contains { $0.contains("out") })
  }

  /// A screen of the smallest model still is one.
  @Test func aModelOfOneBlockIsPrinted() throws {
    let scratch = try scratch()
    let made = try Program.run(["train"] + (Self.commands["train"] ?? []), in: scratch)
    #expect(made.status == 0, "\(made.error)")
    let outcome = try Program.run(["out.safetensors"], in: scratch)
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("block"))
    #expect(!outcome.output.contains("needs"))
  }

  @Test(
    .enabled(if: SharedData.isPresent),
    arguments: ["one-block.safetensors", "two-blocks.safetensors"])
  func sharedSmallModelsArePrinted(name: String) throws {
    let path = SharedData.path("cases/53-one-row-view/\(name)")
    let outcome = try Program.run([path], in: Scratch())
    #expect(outcome.output.contains("block") && !outcome.output.contains("needs"))
  }
}

/// Too little of what a process may have: a sentence and status 1, and no endless sleep.
@Suite struct CommandLineLimitTests {
  private static let model = Fixtures.checkpoint("tiny.safetensors")

  @Test func tooLittleAddressSpaceIsTold() throws {
    let outcome = try Program.run(
      inShell: "ulimit -v 400000; \"$@\"", ["inspect", Self.model], in: Scratch())
    #expect(outcome.status == 1)
    #expect(
      outcome.error == "pare: the address space is limited to 390 MB (ulimit -v); Pare needs "
        + "512 MB and more for large models\n")
  }

  /// Stacks of 4 GB do not fit into the address space, so that no thread can be started.
  @Test func withoutThreadsTheCallerWorks() throws {
    let scratch = try Scratch()
    // Where the hard limit of stacks is lower, nothing can be tested.
    let refused: Int32 = 77
    let line = "ulimit -s 4000000 && ulimit -v 3000000 || exit \(refused); \"$@\""
    let words = ["prune", Self.model, "--threads", "4", "-o"]
    #expect(try Program.run(words + ["a.safetensors"], in: scratch).status == 0)
    let outcome = try Program.run(inShell: line, words + ["b.safetensors"], in: scratch)
    if outcome.status == refused { return }
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(try scratch.bytes("a.safetensors") == scratch.bytes("b.safetensors"))
    let explorer = try Program.run(inShell: line, [Self.model], in: scratch)
    #expect(explorer.status == 1)
    #expect(
      explorer.error == "pare: too few threads can be started for the explorer; see ulimit -u "
        + "and ulimit -v\n")
  }
}
