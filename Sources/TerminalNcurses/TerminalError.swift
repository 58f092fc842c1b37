/// Why there is no terminal to draw on; each in one sentence.
public enum TerminalError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Standard input or output is something else.
  case notATerminal(String)
  /// `TERM` names no terminal that is known here.
  case unknownType(String)
  /// It cannot place a cursor.
  case cannotDraw(String)
  /// There is one already.
  case alreadyOpen
  /// No pipe for signals could be made.
  case noDescriptor

  public var description: String {
    switch self {
    case .notATerminal(let stream): "standard \(stream) is not a terminal"
    case .unknownType(""): "TERM is not set, so the terminal's kind is unknown"
    case .unknownType(let type): "TERM names an unknown kind of terminal: \(type)"
    case .cannotDraw(let type): "a terminal of kind \(type) cannot show a screen"
    case .alreadyOpen: "the terminal is in use by this program already"
    case .noDescriptor: "no file descriptor is left for the terminal's signals"
    }
  }
}
