import Foundation
import Testing

/// What every command owes its user: help, statuses, one sentence.
@Suite struct CommandLineUsageTests {
  @Test func helpGoesToTheOutputAndEndsWell() throws {
    let outcome = try Program.run(["--help"], in: Scratch())
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("SUBCOMMANDS"))
    for option in ["--theme", "--ascii", "--text", "--threads"] {
      #expect(outcome.output.contains("\n  \(option)"), "the explorer's \(option) is not listed")
    }
    #expect(outcome.output.contains("pare [FILE [OTHER]] [options]"))
    #expect(outcome.error.isEmpty)
  }

  /// A checkpoint has its own sizes.
  @Test func compressHasNoSizesOfANewNetwork() throws {
    for (command, isListed) in [("train", true), ("compress", false)] {
      let outcome = try Program.run([command, "--help"], in: Scratch())
      for option in ["--blocks", "--width"] {
        #expect(outcome.output.contains("\n  \(option) ") == isListed, "\(command) \(option)")
      }
    }
  }

  @Test(arguments: [
    (["inspect"], "pare: Missing expected argument '<file>'\n"),
    (["inspect", "a", "b", "c"], "pare: Unexpected argument 'c'\n"),
    (["inspect", "a", "--colour"], "pare: Unknown option '--colour'\n"),
    (
      ["bogus"],
      "pare: there is no command ‘bogus’ and no such file; pare --help lists the commands\n"
    ),
    (
      ["qauntize", "x.pt", "--bits", "3"],
      "pare: there is no command ‘qauntize’ and no such file; is ‘quantize’ meant?\n"
    ),
    (
      ["quantize", "x", "-o", "y", "--group-size", "64"],
      "pare: quantize has no use for group-size here: group-size needs granularity group\n"
    ),
    (
      ["prune", "x", "-o", "y", "--structure", "n:m", "--amount", "0.3"],
      "pare: prune has no use for amount here: amount needs structure none or tile or channel or "
        + "input\n"
    ),
    (
      ["prune", "x", "-o", "y", "--packed", "--dense"],
      "pare: --packed and --dense exclude each other; give one of them\n"
    ),
    (
      ["convert", "x", "-o", "y", "--dense", "--packed"],
      "pare: --packed and --dense exclude each other; give one of them\n"
    ),
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

  /// A recipe of nothing writes nothing.
  @Test func anEmptyRecipeIsRefused() throws {
    let folder = try Scratch()
    try "pare: 1\npasses: []\n".write(
      toFile: folder.path("none.yaml"), atomically: true, encoding: .utf8)
    let outcome = try Program.run(
      ["run", "none.yaml", "in.safetensors", "-o", "out.safetensors"], in: folder)
    #expect(outcome.status == 1)
    #expect(
      outcome.error
        == "pare: the recipe none.yaml has no passes; pare convert copies a checkpoint\n")
    #expect(folder.names == ["none.yaml"])
  }

  /// No default is shown as a line break.
  @Test func helpOfGenerateNamesItsPrompt() throws {
    let outcome = try Program.run(["generate", "--help"], in: Scratch())
    #expect(outcome.output.contains("(default: the start"))
    #expect(!outcome.output.contains("(default: \n"))
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func completionsNameEveryCommand(_ shell: String) throws {
    let outcome = try Program.run(["--generate-completion-script", shell], in: Scratch())
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("inspect"))
  }
}
