/// Why nothing can be measured on a text, one sentence.
public struct TextError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }

  static let noCharacters = TextError(
    "only models whose tokens are characters are trained, and the checkpoint does not say which "
      + "characters its tokens are")
  static let noTokenizer = TextError(
    "the checkpoint has no tokenizer, in its file or beside it, so no text can be read; "
      + "pare eval and compare take one in numbers, --tokens FILE")
}
