import Testing

import Tokenizers

/// A small tokenizer made by the library that it is a reference of, and what that
/// library makes of texts.
struct Reference: Sendable, CustomTestStringConvertible {
  enum Kind { case json, sentencePiece }

  struct Case {
    let text: String
    let ids: [Int32]
    let decoded: String?
  }

  let name: String
  let kind: Kind
  /// A tokenizer.json, or a SentencePiece model in base64.
  let tokenizer: String
  /// JSON.
  let cases: String

  var testDescription: String { name }

  var bytes: [UInt8] {
    get throws {
      switch kind {
      case .json: Array(tokenizer.utf8)
      case .sentencePiece:
        try TokenizerJSONReader.base64(Array(tokenizer.utf8), place: name)
      }
    }
  }

  func spec() throws -> TokenizerSpec {
    switch kind {
    case .json: try TokenizerSpec(tokenizerJSON: try bytes)
    case .sentencePiece: try TokenizerSpec(sentencePieceModel: try bytes)
    }
  }

  func parsedCases() throws -> [Case] {
    let cases = try #require(try JSONParser.parse(Array(cases.utf8)).elements)
    return try cases.map { try Case($0) }
  }

  static let byteLevel = [
    gpt2, llama3, o200k, cl100k, deepseek3, cohere, falcon, smollm, contiguous, next,
  ]
  static let all =
    byteLevel + [
      roberta, qwen2, nfkd, llama2, mistral, gemma, unknown, t5, bert, spmRules, spmLlama,
      spmGemma, spmUnigramIdentity,
    ]
}

extension Reference.Case {
  init(_ value: JSONValue) throws {
    text = try #require(value["text"]?.text)
    ids = try #require(value["ids"]?.elements).map { Int32(try #require($0.integer)) }
    decoded = value["decoded"]?.text
  }
}

/// SplitMix64: the same numbers on every run.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  /// Text of words, spaces, numbers, marks and characters of many scripts.
  mutating func text() -> String {
    let alphabets = [
      "abcdefgh", "ABC XYZ", "0123456789", "    ", "\n\r\n\t", ".,!?'\"()", "àéîß", "абвг",
      "日本語中文", "한국어", "\u{301}\u{323}\u{20DD}", "😀👍🏽👩‍👩‍👧", "'s 'll", "𝒜𠀀", "①ⅣⒶ½",
    ].map { Array($0.unicodeScalars) }
    var text = String.UnicodeScalarView()
    for _ in 0..<Int.random(in: 0...12, using: &self) {
      let alphabet = alphabets.randomElement(using: &self) ?? []
      for _ in 0..<Int.random(in: 1...6, using: &self) {
        if let scalar = alphabet.randomElement(using: &self) { text.append(scalar) }
      }
    }
    return String(text)
  }

  mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) }
  }
}
