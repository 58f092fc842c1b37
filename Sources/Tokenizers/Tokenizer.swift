internal import Synchronization

/// Text to tokens and back, as a `TokenizerSpec` says. Threads may share it.
public final class Tokenizer: Sendable {
  public let spec: TokenizerSpec

  private let map: ByteMap
  private let encoder: TokenEncoder
  private let segmenter: Segmenter
  /// Added tokens found in text as given, and those found in normalized text.
  private let given: AddedTokenFinder
  private let normalized: AddedTokenFinder
  private let specials: [Bool]
  let texts: TokenTexts
  /// Memory of encodings that are over, for the next ones.
  private let memories = Mutex<[Memory]>([])

  private struct Memory: Sendable {
    var segmenter = Segmenter.Memory()
    var encoder = TokenEncoder.Memory()
  }

  /// Bytes that normalizing may make of a text before the steps left are dropped: no
  /// real tokenizer comes near.
  private static func growthLimit(_ count: Int) -> Int { count * 64 + (1 << 20) }

  /// Threads that may encode at once without making memory anew.
  private static let memoryLimit = 8

  /// Throws `TokenizerError` if the parts of the spec do not belong together.
  public init(_ spec: TokenizerSpec) throws(TokenizerError) {
    try spec.validate()
    self.spec = spec
    let findable = spec.vocabulary.indices.filter {
      !spec.vocabulary[$0].isEmpty && (spec.kinds[$0] == .normal || spec.kinds[$0] == .userDefined)
    }
    let map = ByteMap(spec.vocabulary, ids: findable)
    self.map = ByteMap(spec.vocabulary, ids: spec.vocabulary.indices)
    encoder = try TokenEncoder(spec, map, findable: findable)
    segmenter = try Segmenter(spec.preTokenizers)
    var specials = spec.kinds.map { $0 == .control || $0 == .unknown }
    for token in spec.addedTokens where token.isSpecial { specials[Int(token.id)] = true }
    self.specials = specials
    let early = spec.addedTokens.filter { !$0.isNormalized }
    let late = spec.addedTokens.filter(\.isNormalized)
    given = AddedTokenFinder(early, contents: early.map(\.content))
    var matcher = Matcher()
    let contents = late.map { token in
      var content = token.content
      for normalizer in spec.normalizers { normalizer.apply(to: &content, &matcher) }
      return content
    }
    normalized = AddedTokenFinder(late, contents: contents)
    texts = TokenTexts(
      spec,
      normalized: Dictionary(zip(late.map(\.id), contents), uniquingKeysWith: { $1 }))
  }

  /// Ids there are, those left out by the file included.
  public var count: Int { spec.vocabulary.count }

  /// The tokens of a text. `addSpecial`: with the prefix and suffix of the spec;
  /// `parseSpecial`: special tokens written out in the text count as those tokens.
  ///
  /// Characters that a model has no token for are left out; `firstUnknown` finds
  /// them. Time: O(n log n) in the text's length at worst.
  public func encode(
    _ text: String, addSpecial: Bool = false, parseSpecial: Bool = false
  ) -> [Int32] {
    encode(Array(text.utf8), addSpecial: addSpecial, parseSpecial: parseSpecial)
  }

  /// The same for bytes, which need not be UTF-8: models of bytes keep them all,
  /// others see U+FFFD.
  public func encode(
    _ bytes: [UInt8], addSpecial: Bool = false, parseSpecial: Bool = false
  ) -> [Int32] {
    var memory = memories.withLock { $0.popLast() } ?? Memory()
    var ids: [Int32] = addSpecial ? spec.prefix : []
    ids.reserveCapacity(bytes.count / 4 + 8)
    given.divide(bytes, special: parseSpecial) { part in
      switch part {
      case .token(let id): ids.append(id)
      case .text(let range):
        let isWhole = range.count == bytes.count
        encode(
          isWhole ? bytes : Array(bytes[range]), isFirst: range.lowerBound == 0, parseSpecial,
          &memory, into: &ids)
      }
    }
    if addSpecial { ids += spec.suffix }
    let done = memory
    memories.withLock { if $0.count < Self.memoryLimit { $0.append(done) } }
    return ids
  }

  private func encode(
    _ text: [UInt8], isFirst: Bool, _ parseSpecial: Bool, _ memory: inout Memory,
    into ids: inout [Int32]
  ) {
    var text = text
    let limit = Self.growthLimit(text.count)
    for normalizer in spec.normalizers where text.count <= limit {
      normalizer.apply(to: &text, &memory.segmenter.matcher)
    }
    if normalized.isEmpty {
      return encodePieces(&text, isFirst: isFirst, &memory, into: &ids)
    }
    normalized.divide(text, special: parseSpecial) { part in
      switch part {
      case .token(let id): ids.append(id)
      case .text(let range):
        var rest = Array(text[range])
        encodePieces(&rest, isFirst: isFirst && range.lowerBound == 0, &memory, into: &ids)
      }
    }
  }

  private func encodePieces(
    _ text: inout [UInt8], isFirst: Bool, _ memory: inout Memory, into ids: inout [Int32]
  ) {
    segmenter.cut(&text, isFirst: isFirst, &memory.segmenter)
    let span = text.span
    for piece in memory.segmenter.pieces where !piece.isEmpty {
      encoder.encode(span, piece, &memory.encoder, into: &ids)
    }
  }

  /// The offset in bytes of the first character that a model of characters has no
  /// token for; nil if there is none, and for every other model.
  public func firstUnknown(in text: String) -> Int? { encoder.firstUnknown(Array(text.utf8).span) }

  /// The text of tokens; bytes that are not UTF-8 become U+FFFD. Ids that are not
  /// there are passed over, and special ones too if `skipSpecial`.
  public func decode(_ ids: some Sequence<Int32>, skipSpecial: Bool = false) -> String {
    String(decoding: decodeBytes(ids, skipSpecial: skipSpecial), as: UTF8.self)
  }

  /// The bytes of tokens.
  public func decodeBytes(_ ids: some Sequence<Int32>, skipSpecial: Bool = false) -> [UInt8] {
    var decoder = ByteDecoder(self, skipSpecial: skipSpecial)
    var bytes: [UInt8] = []
    for id in ids { decoder.append(id, to: &bytes) }
    return bytes
  }

  /// The id of a token by its text in the vocabulary, or an added token's content.
  public func id(of token: String) -> Int32? {
    if let added = spec.addedTokens.first(where: { $0.content.elementsEqual(token.utf8) }) {
      return added.id
    }
    let id = map.id(token.utf8)
    return id >= 0 ? id : nil
  }

  /// What a token adds to a text; empty for an id that is not there.
  public func bytes(of id: Int32) -> [UInt8] {
    texts.texts.indices.contains(Int(id)) ? Array(texts.texts[Int(id)]) : []
  }

  public func isSpecial(_ id: Int32) -> Bool {
    specials.indices.contains(Int(id)) && specials[Int(id)]
  }
}

/// Bytes of tokens in turn: only the start of a text depends on what came before.
struct ByteDecoder {
  private let tokenizer: Tokenizer
  private let skipSpecial: Bool
  private var isFirst = true
  private var stripsLeft: Int

  init(_ tokenizer: Tokenizer, skipSpecial: Bool) {
    self.tokenizer = tokenizer
    self.skipSpecial = skipSpecial
    stripsLeft = tokenizer.texts.stripCount
  }

  mutating func append(_ id: Int32, to bytes: inout [UInt8]) {
    let texts = tokenizer.texts
    guard texts.texts.indices.contains(Int(id)) else { return }
    if skipSpecial, tokenizer.isSpecial(id) { return }
    guard isFirst || stripsLeft > 0 else {
      bytes.append(contentsOf: texts.texts[Int(id)])
      return
    }
    var text = isFirst ? texts.first(Int(id))[...] : texts.texts[Int(id)]
    isFirst = false
    while stripsLeft > 0, !texts.stripped.isEmpty, text.starts(with: texts.stripped) {
      text = text.dropFirst(texts.stripped.count)
      stripsLeft -= 1
    }
    if !text.isEmpty { stripsLeft = 0 }
    bytes.append(contentsOf: text)
  }
}

/// Text of tokens as they come: whole characters only, so that what has been shown
/// never changes. All of it together is what `Tokenizer.decode` gives.
public struct StreamingDecoder {
  private var decoder: ByteDecoder
  private var pending: [UInt8] = []

  public init(_ tokenizer: Tokenizer, skipSpecial: Bool = false) {
    decoder = ByteDecoder(tokenizer, skipSpecial: skipSpecial)
  }

  /// The characters that a token completes; empty if it ends inside one.
  public mutating func append(_ id: Int32) -> String {
    decoder.append(id, to: &pending)
    let whole = pending.count - unfinished
    guard whole > 0 else { return "" }
    defer { pending.removeFirst(whole) }
    return String(decoding: pending[..<whole], as: UTF8.self)
  }

  /// What is left at the end: U+FFFD for a character that was never completed.
  public mutating func finish() -> String {
    defer { pending.removeAll() }
    return String(decoding: pending, as: UTF8.self)
  }

  /// Bytes at the end that begin a character and may yet become one.
  private var unfinished: Int {
    for count in 1...3 where count <= pending.count {
      let byte = pending[pending.count - count]
      if byte & 0xC0 == 0x80 { continue }
      let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
      return length > count && mayGoOn(pending.suffix(count)) ? count : 0
    }
    return 0
  }

  /// Whether bytes could be the start of a character (table 3-7).
  private func mayGoOn(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard let first = bytes.first, (0xC2...0xF4).contains(first) else { return false }
    guard bytes.count > 1 else { return true }
    let second = bytes[bytes.startIndex + 1]
    return switch first {
    case 0xE0: second >= 0xA0
    case 0xED: second < 0xA0
    case 0xF0: second >= 0x90
    case 0xF4: second < 0x90
    default: true
    }
  }
}
