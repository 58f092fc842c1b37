/// Why a network cannot be made or run. Each is one sentence.
public enum NetworkError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The checkpoint is not of an architecture we run, or lacks something.
  case notRunnable(String)
  /// A token the vocabulary does not have.
  case tokenOutOfRange(token: Int, position: Int, vocabulary: Int)
  /// Fewer tokens than are needed: a text needs two to be scored.
  case textTooShort(tokens: Int, needed: Int)
  /// More tokens at once than the network sees.
  case contextOverflow(tokens: Int, context: Int)
  /// A character the tokenizer has no token for; positions count from 0.
  case unknownCharacter(character: String, position: Int)
  /// Two networks that do not share a vocabulary cannot be compared.
  case differentVocabularies(Int, Int)
  /// Another setting that makes no sense.
  case badSetting(String)
  /// Memory ran out.
  case outOfMemory(String)
  /// The work was stopped by its caller.
  case stopped

  public var description: String {
    switch self {
    case .notRunnable(let reason): "This model cannot be run: \(reason)."
    case .tokenOutOfRange(let token, let position, let vocabulary):
      "Token \(token) at position \(position) is outside the vocabulary of \(vocabulary)."
    case .textTooShort(let tokens, let needed):
      "The text has \(tokens) token\(tokens == 1 ? "" : "s"); at least \(needed) are needed."
    case .contextOverflow(let tokens, let context):
      "\(tokens) tokens are more than the context of \(context)."
    case .unknownCharacter(let character, let position):
      "The vocabulary has no token for \(character) at position \(position) of the text."
    case .differentVocabularies(let own, let other):
      "Networks with vocabularies of \(own) and \(other) tokens cannot be compared."
    case .badSetting(let sentence): sentence
    case .outOfMemory(let purpose): "There is not enough memory for \(purpose)."
    case .stopped: "The work was stopped."
    }
  }
}
