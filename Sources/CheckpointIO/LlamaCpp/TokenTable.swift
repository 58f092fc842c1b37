/// A tokenizer's tokens by number, as `tokenizer.ggml.tokens` lists them: each text once.
struct TokenTable {
  /// llama.cpp's kinds of tokens (`enum llama_token_type`).
  enum Kind: Int32 {
    case normal = 1
    case unknown, control, userDefined, unused, byte
  }

  private(set) var texts: [String?]
  private(set) var kinds: [Kind]
  private(set) var scores: [Float]
  private var numbers: [ExactText: Int] = [:]
  /// Tokens whose number the embedding has no row for.
  private(set) var outsideCount = 0
  private(set) var unusedCount = 0

  /// The id of the token with exactly these bytes; nil if no token has them.
  subscript(text: String) -> Int? { numbers[ExactText(text)] }

  /// As many tokens as the embedding has rows.
  init(count: Int) {
    texts = Array(repeating: nil, count: count)
    kinds = Array(repeating: .unused, count: count)
    scores = Array(repeating: 0, count: count)
  }

  /// Sets a token; what had its number or its text before loses it.
  mutating func set(_ number: Int, _ text: String, _ kind: Kind, score: Float = 0) {
    guard texts.indices.contains(number) else {
      outsideCount += 1
      return
    }
    if let old = texts[number] { numbers[ExactText(old)] = nil }
    if let other = self[text] { (texts[other], kinds[other]) = (nil, .unused) }
    numbers[ExactText(text)] = number
    (texts[number], kinds[number], scores[number]) = (text, kind, score)
  }

  mutating func setKind(_ kind: Kind, of number: Int) {
    if texts.indices.contains(number), texts[number] != nil { kinds[number] = kind }
  }

  mutating func setScore(_ score: Float, of number: Int) {
    if scores.indices.contains(number) { scores[number] = score }
  }

  /// Gives each number without a token a text that no other has.
  mutating func fill() {
    for number in texts.indices where texts[number] == nil {
      var text = "[PAD\(number)]"
      while self[text] != nil { text = "[\(text)]" }
      set(number, text, .unused, score: -10_000)
      unusedCount += 1
    }
  }
}

/// A text that equals another only byte for byte: tokenizers tell é from e with an accent,
/// which Swift's texts do not.
private struct ExactText: Hashable {
  private let text: String

  init(_ text: String) { self.text = text }

  static func == (first: ExactText, second: ExactText) -> Bool {
    first.text.utf8.elementsEqual(second.text.utf8)
  }

  func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { unsafe hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}
