/// A tokenizer whose tokens are characters (or short texts), as nanoGPT's
/// character models have.
public struct CharacterTokenizer: Sendable {
  /// The text of each token, by its number.
  public let vocabulary: [String]
  /// The tokens' texts as a tree of Unicode scalars: however long tokens are, a
  /// text is only followed as far as one of them goes.
  private var branches: [Branch: Int32] = [:]
  /// The token whose text ends at a node; −1 for none.
  private var ends: [Int32] = [-1]

  private struct Branch: Hashable {
    let node: Int32
    let scalar: Unicode.Scalar
  }

  /// Nodes of the tree: what a vocabulary has beyond them is never encoded.
  private static let nodeLimit = 1 << 23

  /// Of several tokens with one text, the first is used to encode.
  public init(vocabulary: [String]) {
    self.vocabulary = vocabulary
    for (number, text) in vocabulary.enumerated() { plant(text, Int32(clamping: number)) }
  }

  private mutating func plant(_ text: String, _ number: Int32) {
    var node: Int32 = 0
    for scalar in text.unicodeScalars {
      let branch = Branch(node: node, scalar: scalar)
      if let next = branches[branch] {
        node = next
        continue
      }
      guard ends.count < Self.nodeLimit else { return }
      node = Int32(ends.count)
      ends.append(-1)
      branches[branch] = node
    }
    if ends[Int(node)] < 0 { ends[Int(node)] = number }
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
    var found: (token: Int, length: Int)?
    var (node, length): (Int32, Int) = (0, 0)
    for scalar in rest {
      guard let next = branches[Branch(node: node, scalar: scalar)] else { break }
      (node, length) = (next, length + 1)
      if ends[Int(node)] >= 0 { found = (Int(ends[Int(node)]), length) }
    }
    return found
  }

  /// The character in quotes with its number.
  private static func shown(_ scalar: Unicode.Scalar) -> String {
    "\(String(scalar).debugDescription) (U+\(String(scalar.value, radix: 16, uppercase: true)))"
  }
}
