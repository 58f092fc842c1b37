extension TokenizerSpec {
  /// Bytes that all tokens may have together (Gemma 3: 2 MB), and each of them.
  static let vocabularyLimit = 1 << 24
  static let tokenLengthLimit = 1 << 12

  /// Throws `TokenizerError` if ids lie outside the vocabulary or sizes are out of
  /// all proportion.
  func validate() throws(TokenizerError) {
    guard vocabulary.count <= Self.tokenLimit else {
      throw .limitExceeded(what: "tokens", limit: Self.tokenLimit)
    }
    guard vocabulary.storage.count <= Self.vocabularyLimit else {
      throw .limitExceeded(what: "bytes of tokens", limit: Self.vocabularyLimit)
    }
    guard kinds.count == vocabulary.count else {
      throw .malformed(
        place: "token types", reason: "\(kinds.count) types for \(vocabulary.count) tokens")
    }
    for token in vocabulary.indices where vocabulary.range(token).count > Self.tokenLengthLimit {
      throw .limitExceeded(what: "bytes of one token", limit: Self.tokenLengthLimit)
    }
    let ids =
      addedTokens.map(\.id) + prefix + suffix
      + [beginning, ending, padding, model.unknown].compactMap { $0 }
    for id in ids where !vocabulary.indices.contains(Int(id)) {
      throw .malformed(
        place: "special tokens", reason: "token \(id) of \(vocabulary.count) does not exist")
    }
    for token in addedTokens where token.content.count > Self.tokenLengthLimit {
      throw .limitExceeded(what: "bytes of one token", limit: Self.tokenLengthLimit)
    }
  }
}

extension TokenModel {
  var unknown: Int32? {
    switch self {
    case .bytePairs(let rules): rules.unknown
    case .unigram(let rules): rules.unknown
    case .wordPiece(let rules): rules.unknown
    case .longestMatch(let unknown): unknown
    }
  }
}
