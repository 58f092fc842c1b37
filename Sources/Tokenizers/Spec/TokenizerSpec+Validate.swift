extension TokenizerSpec {
  /// Bytes that all tokens may have together (Gemma 3: 2 MB), and each of them.
  static let vocabularyLimit = 1 << 24
  static let tokenLengthLimit = 1 << 10

  /// Steps of a list, and bytes that a step puts in the place of others: more could
  /// make any text fill the memory.
  static let stepLimit = 32
  static let replacementLimit = 256

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
    try validateSteps()
  }

  private func validateSteps() throws(TokenizerError) {
    guard max(normalizers.count, preTokenizers.count, decoders.count) <= Self.stepLimit else {
      throw .limitExceeded(what: "steps of one list", limit: Self.stepLimit)
    }
    var replacements: [[UInt8]] = []
    for step in normalizers {
      switch step {
      case .replace(_, let bytes), .prepend(let bytes): replacements.append(bytes)
      case .nfc, .nfd, .nfkc, .nfkd, .lowercase, .stripAccents, .strip, .charsMap, .sentencePiece,
        .bert:
        break
      }
    }
    for step in preTokenizers {
      if case .metaspace(let rules) = step { replacements.append(rules.replacement) }
    }
    for step in decoders {
      if case .replace(_, let bytes) = step { replacements.append(bytes) }
    }
    guard replacements.allSatisfy({ $0.count <= Self.replacementLimit }) else {
      throw .limitExceeded(what: "bytes of one replacement", limit: Self.replacementLimit)
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
