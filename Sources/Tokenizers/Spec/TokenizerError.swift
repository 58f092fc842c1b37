/// Why a tokenizer could not be read or made.
public enum TokenizerError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file contradicts its format; `place` is a path in it or a byte offset.
  case malformed(place: String, reason: String)
  /// The file is well formed and asks for something this code does not do.
  case unsupported(place: String, what: String)
  /// The file has more of something than any real tokenizer.
  case limitExceeded(what: String, limit: Int)

  public var description: String {
    switch self {
    case .malformed(let place, let reason): "invalid tokenizer at \(place): \(reason)"
    case .unsupported(let place, let what): "unsupported tokenizer at \(place): \(what)"
    case .limitExceeded(let what, let limit): "invalid tokenizer: more than \(limit) \(what)"
    }
  }
}
