/// Why nothing can be measured on a text, one sentence.
public struct TextError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }

  static let noVocabulary = TextError(
    "the checkpoint does not say which characters its tokens are, so no text can be read")
}
