/// Makes tokens of pieces of text: a `TokenModel` prepared for speed.
struct TokenEncoder: Sendable {
  /// Memory that pieces share.
  struct Memory: Sendable {
    var merger = PairMerger()
    var cache = WordCache()
    var best: [UnigramEncoder.Node] = []
  }

  private enum Kind: Sendable {
    case bytePairs(BytePairEncoder)
    case unigram(UnigramEncoder)
    case wordPiece(WordPieceEncoder)
    case longestMatch(ByteTrie, unknown: Int32?)
  }

  private let kind: Kind
  /// Where a piece may be cut before "▁" without a change to its tokens.
  private let boundary: SpaceBoundary?

  init(_ spec: TokenizerSpec, _ map: ByteMap, findable: [Int]) throws(TokenizerError) {
    switch spec.model {
    case .bytePairs(let rules):
      kind = .bytePairs(try BytePairEncoder(rules, spec, map, findable: findable))
      boundary =
        rules.isByteLevel || rules.ignoresMerges ? nil : SpaceBoundary(spec, rules, map, findable)
    case .unigram(let rules):
      kind = .unigram(try UnigramEncoder(rules, spec, map, findable: findable))
      // Sums of scores, and so ties, depend on where a text starts.
      boundary = nil
    case .wordPiece(let rules):
      kind = .wordPiece(WordPieceEncoder(rules, map))
      boundary = nil
    case .longestMatch(let unknown):
      kind = .longestMatch(
        ByteTrie(findable.map { (spec.vocabulary[$0], Int32($0)) }), unknown: unknown)
      boundary = nil
    }
  }

  /// Appends the tokens of a piece.
  func encode(
    _ text: Span<UInt8>, _ piece: Range<Int>, _ memory: inout Memory, into ids: inout [Int32]
  ) {
    if case .longestMatch(let trie, let unknown) = kind {
      return encode(text, piece, trie, unknown, into: &ids)
    }
    guard let boundary else { return encodeWord(text, piece, &memory, into: &ids) }
    var start = piece.lowerBound
    while start < piece.upperBound {
      let end = boundary.next(text, after: start, in: piece)
      encodeWord(text, start..<end, &memory, into: &ids)
      start = end
    }
  }

  @inline(__always)
  private func encodeWord(
    _ text: Span<UInt8>, _ word: Range<Int>, _ memory: inout Memory, into ids: inout [Int32]
  ) {
    guard word.count <= WordCache.lengthLimit else {
      return encodeNew(text, word, &memory, into: &ids)
    }
    let hash = ByteHash.hash(text, word)
    if memory.cache.find(text, word, hash: hash, into: &ids) { return }
    let first = ids.count
    encodeNew(text, word, &memory, into: &ids)
    memory.cache.add(text, word, hash: hash, ids[first...])
  }

  private func encodeNew(
    _ text: Span<UInt8>, _ word: Range<Int>, _ memory: inout Memory, into ids: inout [Int32]
  ) {
    switch kind {
    case .bytePairs(let encoder): encoder.encode(text, word, &memory.merger, into: &ids)
    case .unigram(let encoder): encoder.encode(text, word, &memory.best, into: &ids)
    case .wordPiece(let encoder): encoder.encode(text, word, into: &ids)
    case .longestMatch: break
    }
  }

  private func encode(
    _ text: Span<UInt8>, _ piece: Range<Int>, _ trie: ByteTrie, _ unknown: Int32?,
    into ids: inout [Int32]
  ) {
    var offset = piece.lowerBound
    while offset < piece.upperBound {
      if let (id, length) = trie.longest(text, at: offset, end: piece.upperBound) {
        ids.append(id)
        offset += length
      } else {
        if let unknown { ids.append(unknown) }
        offset += decodeScalar(text, at: offset, end: piece.upperBound).length
      }
    }
  }

  /// The first character without a token, if the model has none for unknown ones:
  /// its offset in bytes.
  func firstUnknown(_ text: Span<UInt8>) -> Int? {
    guard case .longestMatch(let trie, nil) = kind else { return nil }
    var offset = 0
    while offset < text.count {
      guard let (_, length) = trie.longest(text, at: offset, end: text.count) else { return offset }
      offset += length
    }
    return nil
  }
}

/// Where text whose spaces are "▁" may be cut before one: after a character that no
/// token has directly before "▁", so that no token could reach across.
///
/// Words found this way are short, met again and kept in a cache, while a model of
/// this kind sees a whole text as one piece.
struct SpaceBoundary: Sendable {
  private static let space = MetaspaceRules.lowerBlock
  /// Last bytes of characters that tokens have before "▁".
  private var unsafeBytes = [Bool](repeating: false, count: 256)

  /// nil if the model has no "▁".
  init?(_ spec: TokenizerSpec, _ rules: BytePairRules, _ map: ByteMap, _ findable: [Int]) {
    guard map.id(Self.space) >= 0 else { return nil }
    for id in findable { note(spec.vocabulary[id]) }
    for symbol in rules.extraSymbols { note(symbol) }
    // Runs of spaces stay together.
    unsafeBytes[Int(Self.space[2])] = true
  }

  private mutating func note(_ bytes: ArraySlice<UInt8>) {
    guard bytes.count > Self.space.count else { return }
    for at in bytes.startIndex + 1...bytes.endIndex - Self.space.count
    where bytes[at..<at + 3].elementsEqual(Self.space) {
      unsafeBytes[Int(bytes[at - 1])] = true
    }
  }

  /// The end of the word that starts at an offset.
  func next(_ text: Span<UInt8>, after start: Int, in piece: Range<Int>) -> Int {
    var offset = start + 1
    while offset + 2 < piece.upperBound {
      if text[offset] == Self.space[0], text[offset + 1] == Self.space[1],
        text[offset + 2] == Self.space[2], !unsafeBytes[Int(text[offset - 1])]
      {
        return offset
      }
      offset += 1
    }
    return piece.upperBound
  }
}

/// What unknown characters become: `<0x..>` tokens, or the unknown token.
struct UnknownFallback: Sendable {
  /// Tokens of single bytes; empty without a fallback to bytes.
  private(set) var bytes: [Int32] = []
  let unknown: Int32?
  let fuses: Bool

  init(hasByteFallback: Bool, unknown: Int32?, fuses: Bool, all: ByteMap) {
    self.unknown = unknown
    self.fuses = fuses
    guard hasByteFallback else { return }
    bytes = (0..<256).map { value in
      let digits = String(value, radix: 16, uppercase: true)
      return all.id("<0x\(value < 16 ? "0" : "")\(digits)>".utf8)
    }
  }

  /// Appends what stands for an unknown character. `isAfterUnknown` says and learns
  /// whether the last token is an unknown one.
  func append(
    _ text: Span<UInt8>, _ range: Range<Int>, _ isAfterUnknown: inout Bool,
    into ids: inout [Int32]
  ) {
    if !bytes.isEmpty, range.allSatisfy({ bytes[Int(text[$0])] >= 0 }) {
      for offset in range { ids.append(bytes[Int(text[offset])]) }
      isAfterUnknown = false
      return
    }
    guard let unknown else { return }
    if !fuses || !isAfterUnknown { ids.append(unknown) }
    isAfterUnknown = true
  }
}
