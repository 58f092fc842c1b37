/// Byte-pair encoding of one piece of text.
struct BytePairEncoder: Sendable {
  private let pairs: PairTable
  /// Symbols by bytes: tokens, then `extras`.
  private let symbols: ByteMap
  private let tokenCount: Int
  private let extras: ByteStrings
  /// Symbols of single bytes, for byte-level models and for ASCII.
  private let byteSymbols: [Int32]
  private let isByteLevel: Bool
  private let ignoresMerges: Bool
  private let takesNewlinesWhole: Bool
  private let fallback: UnknownFallback
  private let userDefined: ByteTrie?

  init(
    _ rules: BytePairRules, _ spec: TokenizerSpec, _ map: ByteMap, findable: [Int]
  ) throws(TokenizerError) {
    isByteLevel = rules.isByteLevel
    ignoresMerges = rules.ignoresMerges
    takesNewlinesWhole = rules.takesNewlinesWhole
    tokenCount = spec.vocabulary.count
    var strings = spec.vocabulary
    var extras = rules.extraSymbols
    if case .scores = rules.order {
      for character in Self.missingCharacters(spec, map, findable) { extras.append(character) }
    }
    for extra in extras { strings.append(extra) }
    self.extras = extras
    let symbols = ByteMap(strings, ids: findable + Array(tokenCount..<strings.count))
    self.symbols = symbols
    byteSymbols = (0..<256).map { symbols.id([UInt8($0)]) }
    switch rules.order {
    case .merges(let merges):
      let limit = Int32(strings.count)
      for merge in merges {
        guard (0..<limit).contains(merge.left), (0..<limit).contains(merge.right),
          (0..<limit).contains(merge.result)
        else { throw .malformed(place: "merges", reason: "a merge of tokens that are not there") }
      }
      pairs = PairTable(count: merges.count) { add in
        for (rank, merge) in merges.enumerated() {
          add(merge.left, merge.right, Int32(rank), merge.result)
        }
      }
    case .scores(let scores):
      guard scores.count >= spec.vocabulary.count else {
        throw .malformed(place: "scores", reason: "fewer scores than tokens")
      }
      pairs = Self.pairs(scores, spec, symbols, findable)
    }
    // The map of all tokens, for names like <0x0A>.
    fallback = UnknownFallback(
      hasByteFallback: rules.hasByteFallback, unknown: rules.unknown, fuses: rules.fusesUnknown,
      all: ByteMap(spec.vocabulary, ids: spec.vocabulary.indices))
    var defined: [(bytes: ArraySlice<UInt8>, value: Int32)] = []
    if case .scores = rules.order {
      for id in findable where spec.kinds[id] == .userDefined {
        defined.append((spec.vocabulary[id], Int32(id)))
      }
    }
    userDefined = defined.isEmpty ? nil : ByteTrie(defined)
  }

  /// Characters that tokens have and that are no tokens: a pair may still be one.
  private static func missingCharacters(
    _ spec: TokenizerSpec, _ map: ByteMap, _ findable: [Int]
  ) -> Set<[UInt8]> {
    var missing: Set<[UInt8]> = []
    for id in findable {
      let bytes = Array(spec.vocabulary[id])
      forEachScalar(bytes) { _, range in
        if map.id(bytes.span, range) < 0 { missing.insert(Array(bytes[range])) }
      }
    }
    return missing
  }

  /// Every way to divide a token into two symbols, ranked by the token's score.
  private static func pairs(
    _ scores: [Float], _ spec: TokenizerSpec, _ symbols: ByteMap, _ findable: [Int]
  ) -> PairTable {
    let ranked = findable.sorted {
      scores[$0] == scores[$1] ? $0 < $1 : scores[$0] > scores[$1]
    }
    var found: [(left: Int32, right: Int32, rank: Int32, result: Int32)] = []
    var rank: Int32 = 0
    for (position, id) in ranked.enumerated() {
      if position > 0, scores[ranked[position - 1]] != scores[id] { rank += 1 }
      let bytes = Array(spec.vocabulary[id])
      guard symbols.id(bytes.span, 0..<bytes.count) == Int32(id) else { continue }
      forEachScalar(bytes) { _, range in
        guard range.lowerBound > 0 else { return }
        let left = symbols.id(bytes.span, 0..<range.lowerBound)
        guard left >= 0 else { return }
        let right = symbols.id(bytes.span, range.lowerBound..<bytes.count)
        if right >= 0 { found.append((left, right, rank, Int32(id))) }
      }
    }
    return PairTable(count: found.count) { add in
      for pair in found { add(pair.left, pair.right, pair.rank, pair.result) }
    }
  }

  func encode(
    _ text: Span<UInt8>, _ piece: Range<Int>, _ merger: inout PairMerger, into ids: inout [Int32]
  ) {
    if ignoresMerges || takesNewlinesWhole && piece.allSatisfy({ text[$0] == 0x0A }) {
      let id = symbols.id(text, piece)
      if id >= 0, id < tokenCount { return ids.append(id) }
    }
    merger.symbols.removeAll(keepingCapacity: true)
    merger.frozen.removeAll(keepingCapacity: true)
    if isByteLevel {
      for offset in piece {
        let symbol = byteSymbols[Int(text[offset])]
        if symbol >= 0 {
          merger.symbols.append(symbol)
        } else if let unknown = fallback.unknown {
          merger.symbols.append(unknown)
        }
      }
      merger.merge(pairs)
      return append(merger.symbols, into: &ids)
    }
    // Unknown characters divide the text; between them it is merged.
    var (offset, isAfterUnknown) = (piece.lowerBound, false)
    while offset < piece.upperBound {
      var (symbol, length): (Int32, Int)
      var isFrozen = false
      if let (id, count) = userDefined?.longest(text, at: offset, end: piece.upperBound) {
        (symbol, length, isFrozen) = (id, count, true)
      } else {
        length = decodeScalar(text, at: offset, end: piece.upperBound).length
        symbol =
          length == 1
          ? byteSymbols[Int(text[offset])] : symbols.id(text, offset..<offset + length)
      }
      if symbol >= 0 {
        merger.symbols.append(symbol)
        if userDefined != nil { merger.frozen.append(isFrozen) }
        isAfterUnknown = false
      } else {
        if !merger.symbols.isEmpty { flush(&merger, into: &ids) }
        fallback.append(text, offset..<offset + length, &isAfterUnknown, into: &ids)
      }
      offset += length
    }
    flush(&merger, into: &ids)
  }

  private func flush(_ merger: inout PairMerger, into ids: inout [Int32]) {
    if !merger.frozen.contains(true) { merger.frozen.removeAll(keepingCapacity: true) }
    merger.merge(pairs)
    append(merger.symbols, into: &ids)
    merger.symbols.removeAll(keepingCapacity: true)
    merger.frozen.removeAll(keepingCapacity: true)
  }

  /// Symbols that are no tokens fall back to tokens of their bytes.
  private func append(_ symbols: [Int32], into ids: inout [Int32]) {
    for symbol in symbols {
      guard symbol >= tokenCount else {
        ids.append(symbol)
        continue
      }
      let bytes = Array(extras[Int(symbol) - tokenCount])
      if isByteLevel {
        for byte in bytes where byteSymbols[Int(byte)] >= 0 && byteSymbols[Int(byte)] < tokenCount {
          ids.append(byteSymbols[Int(byte)])
        }
      } else {
        var isAfterUnknown = ids.last == fallback.unknown
        fallback.append(bytes.span, 0..<bytes.count, &isAfterUnknown, into: &ids)
      }
    }
  }
}
