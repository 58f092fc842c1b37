/// Why a chat template could not be read or rendered; `line` counts from 1.
public enum ChatTemplateError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The template contradicts Jinja's grammar.
  case malformed(line: Int, reason: String)
  /// Jinja has it, this interpreter does not.
  case unsupported(line: Int, what: String)
  /// An operation that its values do not allow.
  case failed(line: Int, reason: String)
  /// The template called `raise_exception` with this message.
  case refused(line: Int, message: String)
  /// More than any real template takes.
  case limitExceeded(line: Int, what: String, limit: Int)

  public var description: String {
    switch self {
    case .malformed(let line, let reason):
      "the chat template is malformed at line \(line): \(reason)"
    case .unsupported(let line, let what):
      "the chat template has \(what) at line \(line), which is not supported"
    case .failed(let line, let reason): "the chat template fails at line \(line): \(reason)"
    case .refused(let line, let message):
      "the chat template refuses this conversation at line \(line): \(message)"
    case .limitExceeded(let line, let what, let limit):
      "the chat template needs more than \(limit) \(what) at line \(line)"
    }
  }
}
