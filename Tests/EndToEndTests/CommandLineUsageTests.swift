import Testing

/// What every command owes its user: help, statuses, one sentence.
@Suite struct CommandLineUsageTests {
  @Test func helpGoesToTheOutputAndEndsWell() throws {
    let outcome = try Program.run(["--help"], in: Scratch())
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("SUBCOMMANDS"))
    #expect(outcome.error.isEmpty)
  }

  @Test(arguments: [
    (["inspect"], "pare: Missing expected argument '<file>'\n"),
    (["inspect", "a", "b"], "pare: Unexpected argument 'b'\n"),
    (["inspect", "a", "--colour"], "pare: Unknown option '--colour'\n"),
  ])
  func wordsWithoutSenseEndWithTwo(_ arguments: [String], _ sentence: String) throws {
    let outcome = try Program.run(arguments, in: Scratch())
    #expect(outcome.status == 2)
    #expect(outcome.error == sentence)
    #expect(outcome.output.isEmpty)
  }

  @Test func aMissingFileEndsWithOne() throws {
    let outcome = try Program.run(["inspect", "nowhere.safetensors"], in: Scratch())
    #expect(outcome.status == 1)
    #expect(outcome.error == "pare: cannot open nowhere.safetensors: No such file or directory\n")
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func completionsNameEveryCommand(_ shell: String) throws {
    let outcome = try Program.run(["--generate-completion-script", shell], in: Scratch())
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("inspect"))
  }
}
