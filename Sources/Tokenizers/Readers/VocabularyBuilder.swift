/// A vocabulary whose tokens come in any order of ids.
struct VocabularyBuilder {
  /// Tokens as they came; `places` says where that of each id is, −1 for none.
  private var strings = ByteStrings()
  private var places: [Int32] = []
  private(set) var kinds: [TokenKind] = []

  var count: Int { places.count }

  /// Ids left out before this one are unused. Throws `TokenizerError`.
  mutating func set(
    _ id: Int, _ bytes: some Collection<UInt8>, _ kind: TokenKind, place: String
  ) throws(TokenizerError) {
    guard id >= 0 else { throw .malformed(place: place, reason: "token id \(id)") }
    guard id < TokenizerSpec.tokenLimit, strings.count < TokenizerSpec.tokenLimit else {
      throw .limitExceeded(what: "tokens (\(place) has id \(id))", limit: TokenizerSpec.tokenLimit)
    }
    guard strings.storage.count + bytes.count <= TokenizerSpec.vocabularyLimit else {
      throw .limitExceeded(what: "bytes of tokens", limit: TokenizerSpec.vocabularyLimit)
    }
    while places.count <= id {
      places.append(-1)
      kinds.append(.unused)
    }
    places[id] = Int32(strings.count)
    strings.append(bytes)
    kinds[id] = kind
  }

  var vocabulary: ByteStrings {
    if places.count == strings.count, places.indices.allSatisfy({ places[$0] == Int32($0) }) {
      return strings
    }
    var ordered = ByteStrings()
    ordered.reserve(strings: places.count, bytes: strings.storage.count)
    for place in places { ordered.append(place < 0 ? [] : strings[Int(place)]) }
    return ordered
  }
}

/// Symbols of merges by their bytes: tokens, and what only merges know.
struct MergeSymbols {
  private let tokens: ByteMap
  private let tokenCount: Int
  private var extraIDs: [[UInt8]: Int32] = [:]
  private(set) var extras = ByteStrings()
  private var buffer: [UInt8] = []

  init(_ vocabulary: ByteStrings, _ isWanted: (Int) -> Bool) {
    tokenCount = vocabulary.count
    tokens = ByteMap(vocabulary, ids: vocabulary.indices.filter(isWanted))
  }

  mutating func symbol(_ bytes: [UInt8], _ range: Range<Int>) -> Int32 {
    let token = tokens.id(bytes.span, range)
    if token >= 0 { return token }
    let symbol = Array(bytes[range])
    if let id = extraIDs[symbol] { return id }
    let id = Int32(tokenCount + extras.count)
    extras.append(symbol)
    extraIDs[symbol] = id
    return id
  }

  /// The merge of two texts; nil if one is empty. `isByteLevel`: they are of
  /// GPT-2's alphabet.
  mutating func merge(
    _ left: some Sequence<UInt8>, _ right: some Sequence<UInt8>, isByteLevel: Bool
  ) -> BytePairRules.Merge? {
    buffer.removeAll(keepingCapacity: true)
    append(left, isByteLevel)
    let middle = buffer.count
    append(right, isByteLevel)
    guard middle > 0, middle < buffer.count else { return nil }
    return BytePairRules.Merge(
      left: symbol(buffer, 0..<middle), right: symbol(buffer, middle..<buffer.count),
      result: symbol(buffer, 0..<buffer.count))
  }

  private mutating func append(_ text: some Sequence<UInt8>, _ isByteLevel: Bool) {
    if isByteLevel, ByteAlphabet.append(text, to: &buffer) { return }
    buffer.append(contentsOf: text)
  }
}
