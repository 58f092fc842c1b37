extension TokenizerSpec {
  /// Reads a SentencePiece model (`tokenizer.model`, `spiece.model`), a protocol
  /// buffer as `sentencepiece_model.proto` has it, and if there is one the
  /// `tokenizer_config.json` beside it. Throws `TokenizerError`.
  ///
  /// Pieces of type UNUSED are never made; SentencePiece itself goes through them.
  public init(
    sentencePieceModel bytes: [UInt8], config: [UInt8]? = nil
  ) throws(TokenizerError) {
    var model = SentencePieceModel()
    try model.read(bytes)
    self = try model.spec()
    if let config { try read(config: config) }
  }
}

/// What is read of a `ModelProto`. Numbers of fields are those of the format.
private struct SentencePieceModel {
  private enum Algorithm: UInt64 { case unigram = 1, bytePairs, words, characters }

  private var builder = VocabularyBuilder()
  private var scores: [Float] = []
  private var algorithm: UInt64 = 1
  private var rules = SentencePieceRules()
  private var hasByteFallback = false
  private var ids: [UInt64: Int32] = [40: 0, 41: 1, 42: 2, 43: -1]

  mutating func read(_ bytes: [UInt8]) throws(TokenizerError) {
    var reader = ProtobufReader(bytes[...])
    while let field = try reader.next() {
      switch (field.number, field.value) {
      case (1, .bytes(let piece)): try read(piece: piece)
      case (2, .bytes(let trainer)): try read(trainer: trainer)
      case (3, .bytes(let normalizer)): try read(normalizer: normalizer)
      default: break
      }
    }
  }

  private mutating func read(piece: ArraySlice<UInt8>) throws(TokenizerError) {
    let place = "piece \(builder.count)"
    var reader = ProtobufReader(piece)
    var (text, score, kind): ([UInt8], Float, TokenKind) = ([], 0, .normal)
    while let field = try reader.next() {
      switch (field.number, field.value) {
      case (1, .bytes(let bytes)): text = Array(bytes)
      case (2, .word(let bits)): score = Float(bitPattern: bits)
      case (3, .number(let value)):
        guard let value = UInt8(exactly: value), let known = TokenKind(rawValue: value) else {
          throw .malformed(place: place, reason: "unknown type \(value)")
        }
        kind = known
      default: break
      }
    }
    guard !score.isNaN else { throw .malformed(place: place, reason: "its score is no number") }
    try builder.set(builder.count, text, kind, place: place)
    scores.append(score)
  }

  private mutating func read(trainer: ArraySlice<UInt8>) throws(TokenizerError) {
    var reader = ProtobufReader(trainer)
    while let field = try reader.next() {
      guard case .number(let value) = field.value else { continue }
      switch field.number {
      case 3: algorithm = value
      case 24: rules.putsSpaceLast = value != 0
      case 35: hasByteFallback = value != 0
      // Negative numbers are 64 bits long: none.
      case 40...43: ids[field.number] = Int32(truncatingIfNeeded: Int64(bitPattern: value))
      default: break
      }
    }
  }

  private mutating func read(normalizer: ArraySlice<UInt8>) throws(TokenizerError) {
    var reader = ProtobufReader(normalizer)
    while let field = try reader.next() {
      switch (field.number, field.value) {
      case (2, .bytes(let map)) where !map.isEmpty:
        rules.charsMap = try CharsMap(Array(map), place: "precompiled_charsmap")
      case (3, .number(let value)): rules.addsDummyPrefix = value != 0
      case (4, .number(let value)): rules.removesExtraSpaces = value != 0
      case (5, .number(let value)): rules.escapesSpaces = value != 0
      default: break
      }
    }
  }

  func spec() throws(TokenizerError) -> TokenizerSpec {
    guard builder.count > 0 else {
      throw .malformed(place: "SentencePiece model", reason: "no pieces")
    }
    let vocabulary = builder.vocabulary
    let unknown = builder.kinds.firstIndex(of: .unknown).map(Int32.init)
    var spec: TokenizerSpec
    switch Algorithm(rawValue: algorithm) {
    case .unigram:
      var model = UnigramRules(scores: scores.map(Double.init))
      model.unknown = unknown
      model.hasByteFallback = hasByteFallback
      model.prefersUserDefined = true
      model.keepsSingleSums = true
      spec = TokenizerSpec(model: .unigram(model))
    case .bytePairs, .characters:
      var model = BytePairRules(order: .scores(scores))
      model.unknown = unknown
      model.hasByteFallback = hasByteFallback
      model.fusesUnknown = true
      spec = TokenizerSpec(model: .bytePairs(model))
    case .words, nil:
      throw .unsupported(place: "trainer_spec.model_type", what: "model type \(algorithm)")
    }
    spec.vocabulary = vocabulary
    spec.kinds = builder.kinds
    for id in vocabulary.indices where builder.kinds[id] == .control && !vocabulary[id].isEmpty {
      spec.addedTokens.append(
        AddedToken(id: Int32(id), content: Array(vocabulary[id]), isSpecial: true))
    }
    var rules = rules
    rules.keep(
      vocabulary.indices.lazy.filter { builder.kinds[$0] == .userDefined }
        .map { Array(vocabulary[$0]) })
    spec.normalizers = [.sentencePiece(rules)]
    spec.decoders = [.replace(MetaspaceRules.lowerBlock, with: [0x20]), .byteFallback, .fuse]
    if rules.addsDummyPrefix { spec.decoders.append(.strip(content: [0x20], start: 1)) }
    (spec.beginning, spec.ending, spec.padding) = (id(41), id(42), id(43))
    return spec
  }

  private func id(_ field: UInt64) -> Int32? {
    ids[field].flatMap { (0..<Int32(builder.count)).contains($0) ? $0 : nil }
  }
}
