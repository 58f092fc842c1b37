import CheckpointIO
import Explorer
import Terminal
import TestSupport
import Testing
import Workspace

/// Nothing that matters is cut: it is wrapped, shortened, or given the room that is there.
@Suite struct RoomTests {
  private static func desk(_ columns: Int, _ rows: Int) throws -> Desk {
    let desk = try Desk { try SmallModels.open(in: $0) }
    (desk.state.columns, desk.state.rows) = (columns, rows)
    desk.settle()
    return desk
  }

  private func lines(_ desk: Desk) -> [Substring] {
    Screen.draw(desk.state).plainText.split(separator: "\n", omittingEmptySubsequences: false)
  }

  /// The words of the screen, without frames and line ends.
  private func words(_ desk: Desk) -> String {
    lines(desk).joined(separator: " ").split { $0 == " " || "│─┌┐└┘".contains($0) }
      .joined(separator: " ")
  }

  // MARK: Help

  @Test(arguments: [60, 80, 110, 160]) func helpIsNotCut(_ columns: Int) throws {
    let desk = try Self.desk(columns, 24)
    desk.key(.character("?"))
    var text = ""
    for _ in 0..<40 {
      text += words(desk) + " "
      desk.key(.pageDown)
    }
    for command in CommandCatalog.all {
      for word in (command.usage + " " + command.help).split(separator: " ") {
        #expect(text.contains(word), "\(command.name): \(word)")
      }
    }
    for binding in GlobalKeys.bindings {
      for word in binding.help.split(separator: " ") { #expect(text.contains(word)) }
    }
  }

  /// Where there is room a command stands on one row.
  @Test func helpUsesTheRoom() throws {
    let desk = try Self.desk(160, 50)
    desk.key(.character("?"), .character("/"))
    desk.type("--force")
    for usage in CommandCatalog.all.map(\.usage) where usage.contains("--force") {
      #expect(lines(desk).contains { $0.contains(usage + " ") }, "\(usage)")
    }
  }

  @Test func helpIsSearchedByHeadingsToo() throws {
    let desk = try Self.desk(160, 50)
    desk.key(.character("?"), .character("/"))
    desk.type("commands, after")
    #expect(words(desk).contains("Commands, after :"))
    for command in CommandCatalog.all { #expect(words(desk).contains(command.usage)) }
    #expect(!words(desk).contains("A sheet of dials"))
    desk.type("!")
    #expect(words(desk).contains("nothing matches"))
  }

  // MARK: The command line

  @Test(arguments: [60, 80, 110, 160]) func completionsAreWhole(_ columns: Int) throws {
    let desk = try Self.desk(columns, 24)
    let names = Set(CommandCatalog.all.map(\.name))
    desk.key(.character(":"))
    for _ in 0...names.count {
      let shown = try #require(lines(desk).filter { !$0.isEmpty }.dropLast().last)
        .split(separator: " ").map(String.init)
      #expect(shown.first?.hasPrefix(":") == true)
      for word in shown.dropFirst() { #expect(names.contains(word) || word == "…", "\(shown)") }
      desk.key(.tab)
      let chosen = try #require(desk.state.prompt?.editor.string)
      #expect(words(desk).split(separator: " ").filter { $0 == chosen }.count >= 1, "\(chosen)")
    }
  }

  // MARK: Blocks

  @Test(arguments: [60, 80, 110, 160]) func figuresOfBlocksAreWhole(_ columns: Int) throws {
    let kinds = ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"]
    let desk = try Desk { folder in
      var random = SplitMix64(seed: 3)
      let entries = kinds.enumerated().map { index, kind in
        SmallModels.Entry("h.0.\(kind).weight", [481 + index, 340], &random)
      }
      return try SmallModels.open(entries, in: folder)
    }
    (desk.state.columns, desk.state.rows) = (columns, 24)
    desk.settle()
    let values = [0.01234, -0.01234, 12.34567, -123.4567]
    let names = kinds.map { "h.0.\($0).weight" }
    desk.state.sensitivities[.original] = Dictionary(uniqueKeysWithValues: zip(names, values))
    for _ in 0..<6 {
      let row = try #require(lines(desk).first { $0.hasPrefix("     0") })
      #expect(!row.contains("…"), "\(row)")
      desk.key(.character("m"))
    }
  }

  // MARK: History

  /// A desk of 80 columns with a revision whose title is the name of a file.
  private func desk(named name: String) throws -> Desk {
    let desk = try Self.desk(80, 24)
    let path = desk.folder.file(name)
    desk.workbench.save(.original, to: path, as: .safetensors(.packed))
    desk.settle()
    try desk.workbench.stand(beside: path)
    desk.settle()
    desk.state.notice = nil
    desk.key(.character("7"))
    return desk
  }

  @Test func aLongTitleIsWrittenOut() throws {
    let name = String(repeating: "long-", count: 10) + "name.safetensors"
    #expect(words(try desk(named: name)).contains(name))
  }

  /// The list of jobs gives way where it has room to spare.
  @Test func theListsShareTheRoom() throws {
    let desk = try desk(named: "a-name-of-28.safetensors")
    desk.state.jobs = []
    let row = try #require(lines(desk).first { $0.contains("◆ r1") })
    #expect(row.contains("a-name-of-28.safetensors"), "\(row)")
  }

  @Test func theReasonOfAFailureIsWrittenOut() throws {
    let desk = try Self.desk(80, 24)
    let job = desk.workbench.reach(.bytes(10), from: .original)
    desk.settle()
    guard case .failed(let reason)? = desk.state.jobs.first(where: { $0.id == job })?.state else {
      Issue.record("it did not fail")
      return
    }
    desk.state.notice = nil
    desk.key(.character("7"), .tab)
    #expect(words(desk).contains(reason), "\(words(desk))")
  }

  // MARK: The job line

  /// An option that would help is named with the command that has it.
  @Test func theHintNamesTheCommand() throws {
    let desk = try Desk { try SmallModels.open(SmallModels.gpt().entries, in: $0) }
    desk.settle()
    #expect(words(desk).contains("--heads says it: pare small.safetensors --heads N"))
  }

  @Test func aLongHintIsWhole() throws {
    let desk = try Self.desk(80, 24)
    let hint = (1...20).map { "word\($0)" }.joined(separator: " ")
    desk.state.assumption = hint
    #expect(words(desk).contains(hint))
    desk.state.rows = 16
    #expect(words(desk).contains("…"))
  }
}
