import CheckpointIO
import Explorer
import Tensors
import Terminal
import TestSupport
import Testing
import Workspace

/// What a command after `:` refuses, and what it asks for.
@Suite struct CommandSentenceTests {
  @Test(arguments: [
    ("save", "save takes one file name; one with blanks stands in quotes"),
    ("save a b", "save takes one file name; one with blanks stands in quotes"),
    ("save a --packed", "unknown option --packed; known: --dense, --type, --shard-size, --force"),
    ("save a --dense --type q8_0", "--type writes GGUF; it excludes --dense"),
    ("recipe x", "r0 is the original: there are no passes to write"),
    ("run", "run takes one file name; one with blanks stands in quotes"),
    ("run x --dense", "unknown option --dense; known: --force"),
    ("beside", "beside takes one file name; one with blanks stands in quotes"),
    ("export x.png", "export writes .txt or .svg, not ‘x.png’"),
    ("go r9", "there is no revision ‘r9’; there are r0 to r0"),
    ("compare r7", "there is no revision ‘r7’; there are r0 to r0"),
    ("layer x", "there is no layer ‘x’"),
    ("reach x", "reach takes a size, bits per weight or a loss: reach 1.5MB"),
    ("gamma x", "gamma takes a number from 0 to 100: gamma 0.02"),
    ("rate x", "rate takes a factor from 0 to 100: rate 0.5"),
    ("compress", "a text file is needed: compress TEXT"),
    ("train a b", "one text file is trained on; a name with blanks stands in quotes"),
    ("train a -o", "-o needs a file"), ("train a --steps", "--steps needs a value"),
    ("prune 0.5", "prune takes options such as --amount 0.5, not ‘0.5’"),
    ("prune --amount", "--amount needs a value"),
    ("nonsense", "There is no command ‘nonsense’; ? lists them."),
  ])
  func whatIsWrongIsSaid(_ command: String, _ sentence: String) throws {
    let desk = try Desk { try SmallModels.open(in: $0) }
    let effects = desk.state.execute(command)
    #expect(effects.isEmpty)
    #expect(desk.state.notice?.text == sentence && desk.state.notice?.isError == true)
  }

  @Test(arguments: [
    ("save a", SaveRequest.safetensors(.packed), false),
    ("save --dense a.safetensors", .safetensors(.dense(nil)), false),
    ("save a.pt --force", .pytorch, true), ("save a.gguf --type q4_k", .gguf(.blocks(.q4K)), false),
    ("save --type=Q8_0 a", .gguf(.blocks(.q8_0)), false), ("save a.gguf", .gguf(.own), false),
  ])
  func aSaveIsWhatItsNameSays(_ command: String, _ kind: SaveRequest, _ overwrite: Bool) throws {
    let desk = try Desk { try SmallModels.open(in: $0) }
    let effects = desk.state.execute(command)
    let path = try #require(command.split(separator: " ").first { $0.hasPrefix("a") })
    #expect(effects == [.save(.original, path: String(path), as: kind, overwrite: overwrite)])
    #expect(desk.state.notice == nil)
  }

  @Test func typesAreCompleted() throws {
    let desk = try Desk { try SmallModels.open(in: $0) }
    desk.key(.character(":"))
    desk.type("save a.gguf --type q4_")
    #expect(desk.state.prompt?.completions == ["q4_0", "q4_1", "q4_k"])
    desk.key(.escape, .character(":"))
    desk.type("save a.gguf --t")
    #expect(desk.state.prompt?.completions == ["--type"])
  }

  /// What a file does not hold is told when it is saved.
  @Test func lossesAreTold() throws {
    let desk = try Desk { try SmallModels.open(in: $0) }
    let path = desk.folder.file("a.gguf")
    desk.workbench.save(.original, to: path, as: .gguf(.blocks(.q8_0)))
    desk.settle()
    let text = try #require(desk.state.notice?.text)
    #expect(text.hasPrefix("Saved \(path), ") && text.hasSuffix("."))
    #expect(text.contains(" quantized from F32 to Q8_0"))
  }
}
