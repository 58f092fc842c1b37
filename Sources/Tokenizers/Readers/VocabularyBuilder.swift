/// A vocabulary whose tokens come in any order of ids.
struct VocabularyBuilder {
  private var tokens: [[UInt8]] = []
  private(set) var kinds: [TokenKind] = []
  private var byteCount = 0

  var count: Int { tokens.count }

  /// Ids left out before this one are unused. Throws `TokenizerError`.
  mutating func set(
    _ id: Int, _ bytes: [UInt8], _ kind: TokenKind, place: String
  ) throws(TokenizerError) {
    guard id >= 0 else { throw .malformed(place: place, reason: "token id \(id)") }
    guard id < TokenizerSpec.tokenLimit else {
      throw .limitExceeded(what: "tokens (\(place) has id \(id))", limit: TokenizerSpec.tokenLimit)
    }
    byteCount += bytes.count
    guard byteCount <= TokenizerSpec.vocabularyLimit else {
      throw .limitExceeded(what: "bytes of tokens", limit: TokenizerSpec.vocabularyLimit)
    }
    while tokens.count <= id {
      tokens.append([])
      kinds.append(.unused)
    }
    tokens[id] = bytes
    kinds[id] = kind
  }

  var vocabulary: ByteStrings {
    var strings = ByteStrings()
    strings.reserve(strings: tokens.count, bytes: byteCount)
    for token in tokens { strings.append(token) }
    return strings
  }
}

/// Symbols of merges by their bytes: tokens, and what only merges know.
struct MergeSymbols {
  private let tokens: ByteMap
  private let tokenCount: Int
  private var extraIDs: [[UInt8]: Int32] = [:]
  private(set) var extras = ByteStrings()

  init(_ vocabulary: ByteStrings, _ isWanted: (Int) -> Bool) {
    tokenCount = vocabulary.count
    tokens = ByteMap(vocabulary, ids: vocabulary.indices.filter(isWanted))
  }

  mutating func symbol(_ bytes: [UInt8]) -> Int32 {
    let token = tokens.id(bytes.span, 0..<bytes.count)
    if token >= 0 { return token }
    if let id = extraIDs[bytes] { return id }
    let id = Int32(tokenCount + extras.count)
    extras.append(bytes)
    extraIDs[bytes] = id
    return id
  }

  mutating func merge(_ left: [UInt8], _ right: [UInt8]) -> BytePairRules.Merge {
    BytePairRules.Merge(left: symbol(left), right: symbol(right), result: symbol(left + right))
  }
}
