import TerminalNcurses
import Testing

/// Every reason for which there is no terminal, with its sentence. A case that is missing
/// here does not compile.
@Suite struct TerminalErrorTests {
  static let all: [TerminalError] = [
    .notATerminal("input"), .unknownType(""), .unknownType("x"), .cannotDraw("dumb"),
    .alreadyOpen, .noDescriptor,
  ]

  @Test(arguments: all) func eachHasItsSentence(error: TerminalError) {
    let sentence =
      switch error {
      case .notATerminal: "standard input is not a terminal"
      case .unknownType(""): "TERM is not set, so the terminal's kind is unknown"
      case .unknownType: "TERM names an unknown kind of terminal: x"
      case .cannotDraw: "a terminal of kind dumb cannot show a screen"
      case .alreadyOpen: "the terminal is in use by this program already"
      case .noDescriptor: "no file descriptor is left for the terminal's signals"
      }
    #expect(error.description == sentence)
  }
}
