import CheckpointIO
import Explorer
import Terminal
import TestSupport
import Testing
import Workspace

/// What stands in a file is shown, never sent: not from names of tensors, metadata, the
/// vocabulary, what the model writes, names of files, nor what somebody typed.
@Suite struct HostileTextTests {
  static let hostile = [
    "\u{1B}[2J\u{1B}]0;owned\u{7}", "\u{9B}31m\u{90}q\u{9C}", "\u{202E}desrever\u{2066}\u{200F}",
    "\r\n\u{B}\u{C}\u{85}\u{2028}\u{2029}", "\0\u{8}\u{7F}\u{E}\u{F}",
    "\u{AD}\u{FEFF}\u{E0041}\u{200D}",
  ]

  private static func open(in folder: TemporaryFolder) throws -> Checkpoint {
    let (entries, metadata) = SmallModels.gpt()
    let odd = hostile.enumerated().map { number, text in
      SmallModels.Entry("h.\(number % 2).\(text).weight", [2, 3], [1, 2, 3, 4, 5, 6])
    }
    var settings = metadata
    let tokens = (hostile + ["a", "\n"]).map { text in
      let units = text.utf16.map {
        "\\u" + String(String(UInt32($0) | 0x10000, radix: 16).dropFirst())
      }
      return "\"\(units.joined())\""
    }
    settings["pare.vocabulary"] = "[\(tokens.joined(separator: ","))]"
    for text in hostile { settings[text] = text }
    let checkpoint = try SmallModels.open(entries + odd, settings, in: folder)
    #expect(checkpoint.vocabulary?.prefix(hostile.count) == hostile[...])
    return checkpoint
  }

  /// Whether a terminal shows each character of a frame or a drawing and does nothing else.
  private func expectShown(
    _ text: String, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let commands = text.unicodeScalars.filter {
      switch $0.properties.generalCategory {
      case .control: $0 != "\n"
      case .format, .lineSeparator, .paragraphSeparator: true
      default: false
      }
    }
    #expect(commands.isEmpty, "\(what)", sourceLocation: sourceLocation)
  }

  private func expectShown(_ desk: Desk, _ what: String) {
    let frame = Screen.draw(desk.state)
    expectShown(frame.plainText, what)
    expectShown(frame.svg(theme: desk.state.theme), "the drawing of \(what)")
  }

  @Test func noViewSendsWhatAFileSays() throws {
    let desk = try Desk { try Self.open(in: $0) }
    (desk.state.columns, desk.state.rows) = (160, 50)
    for view in ViewCatalog.all {
      desk.state.view = view.id
      desk.settle()
      expectShown(desk, "\(view.id)")
      // Through the list, so that each tensor has been the one that is shown.
      for _ in 0..<8 {
        desk.key(.down)
        desk.settle()
        expectShown(desk, "\(view.id), further down")
      }
    }
  }

  @Test func noSampleIsSentAsTheModelWroteIt() throws {
    let desk = try Desk { try Self.open(in: $0) }
    (desk.state.columns, desk.state.rows) = (160, 50)
    desk.perform([.sample([.original], prompt: Self.hostile[0], seed: 1)])
    desk.state.view = .samples
    desk.settle()
    expectShown(desk, "samples")
  }

  @Test(arguments: hostile) func noLineAroundTheViewsIsSentAsItCame(text: String) throws {
    let desk = try Desk { try Self.open(in: $0) }
    desk.state.notice = Notice(text, isError: true)
    expectShown(desk, "a notice")
    desk.state.notice = nil
    desk.key(.character(":"))
    desk.type("open " + text)
    expectShown(desk, "a command that is typed")
    desk.key(.enter)
    expectShown(desk, "what is said of it")
  }
}
