/// A tokenizer whose tokens are characters (or short texts), as nanoGPT's
/// character models have.
public struct CharacterTokenizer: Sendable {
  /// The text of each token, by its number.
  public let vocabulary: [String]
  private let numbers: [String: Int]
  /// Unicode scalars of the longest token.
  private let longest: Int

  /// Of several tokens with one text, the first is used to encode.
  public init(vocabulary: [String]) {
    self.vocabulary = vocabulary
    numbers = Dictionary(
      vocabulary.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    longest = vocabulary.map(\.unicodeScalars.count).max() ?? 0
  }

  /// The tokens of a text, the longest that fits first. Works on Unicode scalars,
  /// as Python does, so that "\r\n" is two characters. Throws
  /// `NetworkError.unknownCharacter`.
  public func encode(_ text: String) throws -> [Int] {
    var tokens: [Int] = []
    tokens.reserveCapacity(text.utf8.count)
    let scalars = text.unicodeScalars
    var start = scalars.startIndex
    var position = 0
    while start < scalars.endIndex {
      guard let (token, length) = token(in: scalars[start...]) else {
        throw NetworkError.unknownCharacter(
          character: CharacterTokenizer.shown(scalars[start]), position: position)
      }
      tokens.append(token)
      scalars.formIndex(&start, offsetBy: length)
      position += length
    }
    return tokens
  }

  /// The text of tokens; those outside the vocabulary give "\u{FFFD}".
  public func decode(_ tokens: some Sequence<Int>) -> String {
    var text = String.UnicodeScalarView()
    for token in tokens {
      let known = vocabulary.indices.contains(token)
      text.append(contentsOf: (known ? vocabulary[token] : "\u{FFFD}").unicodeScalars)
    }
    return String(text)
  }

  private func token(in rest: Substring.UnicodeScalarView) -> (token: Int, length: Int)? {
    for length in stride(from: longest, to: 0, by: -1) {
      let piece = rest.prefix(length)
      if piece.count == length, let token = numbers[String(piece)] { return (token, length) }
    }
    return nil
  }

  /// The character in quotes with its number.
  private static func shown(_ scalar: Unicode.Scalar) -> String {
    "\(String(scalar).debugDescription) (U+\(String(scalar.value, radix: 16, uppercase: true)))"
  }
}
