/// A tokenizer as GGUF metadata has it, under `tokenizer.ggml.` unless said otherwise.
public struct GGUFTokenizer: Sendable {
  /// `model`: gpt2, llama, t5, bert or gemma4.
  public var model: String
  /// `general.name`: in models of the name Phi-3, special tokens take the white space
  /// after them along.
  public var name: String?
  /// `pre`: how text is cut before byte pairs are merged.
  public var pre: String?
  public var tokens: [String]
  public var scores: [Float] = []
  /// `token_type`; see `TokenKind`.
  public var tokenTypes: [Int] = []
  /// Pairs with a space between them.
  public var merges: [String] = []
  /// `bos_token_id` and its relatives.
  public var beginning: Int?
  public var ending: Int?
  /// `eot_token_id` and `eom_token_id`, which end a turn and a call of a tool.
  public var otherEndings: [Int] = []
  public var unknown: Int?
  public var separator: Int?
  public var padding: Int?
  /// `add_bos_token` and its relatives; nil if the file leaves them to the model.
  public var addsBeginning: Bool?
  public var addsEnding: Bool?
  public var addsSeparator: Bool?
  public var addsSpacePrefix: Bool?
  public var removesExtraSpaces: Bool?
  public var charsMap: [UInt8] = []
  /// `tokenizer.chat_template`.
  public var chatTemplate: String?

  public init(model: String, tokens: [String]) {
    self.model = model
    self.tokens = tokens
  }
}

extension TokenizerSpec {
  /// Makes what llama.cpp makes of the metadata. Throws `TokenizerError`.
  public init(gguf: GGUFTokenizer) throws(TokenizerError) {
    switch gguf.model {
    case "gpt2", "gemma4": self = try gguf.bytePairs()
    case "llama": self = try gguf.sentencePiece()
    case "t5": self = try gguf.unigram()
    case "bert": self = try gguf.wordPiece()
    default:
      throw .unsupported(place: "tokenizer.ggml.model", what: "a model '\(gguf.model)'")
    }
    chatTemplate = gguf.chatTemplate
    beginning = beginning ?? gguf.id(gguf.beginning)
    ending = ending ?? gguf.id(gguf.ending)
    padding = gguf.id(gguf.padding)
    otherEndings = Set(gguf.otherEndings.compactMap { gguf.id($0) })
  }
}

extension GGUFTokenizer {
  /// An id that there is; llama.cpp passes over others too.
  fileprivate func id(_ value: Int?) -> Int32? {
    value.flatMap { tokens.indices.contains($0) ? Int32(exactly: $0) : nil }
  }

  /// Vocabulary, kinds and added tokens. `bytes` turns ordinary tokens to bytes, and
  /// gives nil for a token that cannot be turned.
  private func fill(
    _ spec: inout TokenizerSpec, _ bytes: (String) -> [UInt8]?
  ) throws(TokenizerError) {
    guard !tokens.isEmpty else {
      throw .malformed(place: "tokenizer.ggml.tokens", reason: "no tokens")
    }
    guard tokenTypes.isEmpty || tokenTypes.count >= tokens.count else {
      throw .malformed(
        place: "tokenizer.ggml.token_type",
        reason: "\(tokenTypes.count) types for \(tokens.count) tokens")
    }
    var builder = VocabularyBuilder()
    for (id, token) in tokens.enumerated() {
      let type = tokenTypes.isEmpty ? 1 : tokenTypes[id]
      var kind = UInt8(exactly: type).flatMap(TokenKind.init) ?? .normal
      var text = Array(token.utf8)
      let isControl = GGUFTokenizer.controls.contains(token)
      if isControl, kind == .userDefined { kind = .control }
      // "</s>" is a tag of HTML to Gemma 4.
      if isControl, kind == .normal, model != "gemma4" {
        spec.addedTokens.append(AddedToken(id: Int32(id), content: text, isSpecial: true))
      }
      switch kind {
      case .normal, .unused, .byte:
        if let decoded = bytes(token) { text = decoded } else { kind = .control }
      case .control, .unknown, .userDefined:
        if !text.isEmpty {
          spec.addedTokens.append(
            AddedToken(id: Int32(id), content: text, isSpecial: kind != .userDefined))
        }
      }
      try builder.set(id, text, kind, place: "tokenizer.ggml.tokens")
    }
    spec.vocabulary = builder.vocabulary
    spec.kinds = builder.kinds
    let name = (name ?? "").lowercased()
    guard name.contains("phi-3") || name.contains("phi3") else { return }
    let exceptions = ["<unk>", "<s>", "<|endoftext|>"]
    for position in spec.addedTokens.indices {
      let content = String(decoding: spec.addedTokens[position].content, as: UTF8.self)
      spec.addedTokens[position].stripsRight = !exceptions.contains(content)
    }
  }

  /// Tokens that llama.cpp takes for control tokens whatever their type is: those
  /// that end a turn, and those around code to fill in.
  private static let controls: Set<String> = [
    "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>",
    "<end_of_turn>", "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]",
    "<|end_of_text|>", "<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>",
    "<｜end▁of▁sentence｜>", "[e~[", "<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>",
    "<｜fim▁begin｜>", "<PRE>", "▁<PRE>", "<|code_prefix|>", "<|prefix|>", "<|fim_suffix|>",
    "<fim-suffix>", "<fim_suffix>", "<｜fim▁hole｜>", "<SUF>", "▁<SUF>", "<|code_suffix|>",
    "<|suffix|>", "<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<｜fim▁end｜>", "<MID>",
    "▁<MID>", "<|code_middle|>", "<|middle|>", "<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>",
    "[PAD]", "<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>",
    "<|file_sep|>",
  ]

  private func addTemplate(
    to spec: inout TokenizerSpec, beginning: Int?, addsBeginning: Bool, ending: Int?,
    addsEnding: Bool
  ) {
    spec.beginning = id(self.beginning ?? beginning)
    spec.ending = id(self.ending ?? ending)
    if self.addsBeginning ?? addsBeginning, let id = spec.beginning { spec.prefix = [id] }
    if self.addsEnding ?? addsEnding, let id = spec.ending { spec.suffix = [id] }
  }

  // MARK: Byte pairs

  func bytePairs() throws(TokenizerError) -> TokenizerSpec {
    let split = try LlamaCppSplit(name: model == "gemma4" ? "gemma4" : pre ?? "default")
    var rules = BytePairRules(order: .merges([]))
    var spec = TokenizerSpec(model: .bytePairs(rules))
    try fill(&spec) { split.isByteLevel ? ByteAlphabet.decoded($0.utf8) : Array($0.utf8) }
    let kinds = spec.kinds
    var symbols = MergeSymbols(spec.vocabulary) {
      kinds[$0] == .normal || kinds[$0] == .unused || kinds[$0] == .byte
    }
    var found: [BytePairRules.Merge] = []
    for (number, merge) in merges.enumerated() {
      let text = merge.utf8
      let space = text.dropFirst().firstIndex(of: 0x20) ?? text.endIndex
      guard
        let merge = symbols.merge(
          text[..<space], text[space...].dropFirst(), isByteLevel: split.isByteLevel)
      else {
        throw .malformed(
          place: "tokenizer.ggml.merges[\(number)]", reason: "two tokens expected")
      }
      found.append(merge)
    }
    rules.order = .merges(found)
    rules.extraSymbols = symbols.extras
    rules.isByteLevel = split.isByteLevel
    rules.ignoresMerges = split.ignoresMerges
    rules.takesNewlinesWhole = split.takesNewlinesWhole
    rules.hasByteFallback = !split.isByteLevel
    spec.model = .bytePairs(rules)
    for pattern in split.patterns {
      let pattern = try Pattern(pattern, place: "the pre-tokenizer '\(pre ?? "default")'")
      spec.preTokenizers.append(.split(.expression(pattern), .isolated, inverted: false))
    }
    if split.isByteLevel {
      spec.preTokenizers.append(.byteLevel(addsPrefixSpace: false, splits: false))
      spec.decoders = [.byteLevel]
    } else {
      spec.normalizers = [.replace(.literal([0x20]), with: MetaspaceRules.lowerBlock)]
      spec.decoders = [.replace(MetaspaceRules.lowerBlock, with: [0x20]), .byteFallback, .fuse]
    }
    addTemplate(
      to: &spec, beginning: model == "gemma4" ? nil : 11, addsBeginning: split.addsBeginning,
      ending: model == "gemma4" ? nil : 11, addsEnding: false)
    if split.addsSeparator, addsSeparator ?? true, let id = id(separator) { spec.suffix = [id] }
    return spec
  }

  // MARK: SentencePiece

  func sentencePiece() throws(TokenizerError) -> TokenizerSpec {
    var rules = BytePairRules(order: .scores(try paddedScores()))
    rules.hasByteFallback = true
    rules.unknown = id(unknown ?? 0)
    var spec = TokenizerSpec(model: .bytePairs(rules))
    try fill(&spec) { Array($0.utf8) }
    if addsSpacePrefix ?? true { spec.normalizers = [.prepend([0x20])] }
    spec.normalizers.append(.replace(.literal([0x20]), with: MetaspaceRules.lowerBlock))
    spec.decoders = [.replace(MetaspaceRules.lowerBlock, with: [0x20]), .byteFallback, .fuse]
    if addsSpacePrefix ?? true { spec.decoders.append(.strip(content: [0x20], start: 1)) }
    addTemplate(to: &spec, beginning: 1, addsBeginning: true, ending: 2, addsEnding: false)
    return spec
  }

  func unigram() throws(TokenizerError) -> TokenizerSpec {
    var model = UnigramRules(scores: try paddedScores().map(Double.init))
    model.unknown = id(unknown ?? 2)
    model.prefersUserDefined = true
    var spec = TokenizerSpec(model: .unigram(model))
    try fill(&spec) { Array($0.utf8) }
    var rules = SentencePieceRules()
    if !charsMap.isEmpty {
      rules.charsMap = try CharsMap(charsMap, place: "tokenizer.ggml.precompiled_charsmap")
    }
    rules.addsDummyPrefix = addsSpacePrefix ?? false
    rules.removesExtraSpaces = removesExtraSpaces ?? false
    spec.normalizers = [.sentencePiece(rules)]
    spec.decoders = [.replace(MetaspaceRules.lowerBlock, with: [0x20]), .byteFallback, .fuse]
    if rules.addsDummyPrefix { spec.decoders.append(.strip(content: [0x20], start: 1)) }
    addTemplate(to: &spec, beginning: nil, addsBeginning: false, ending: 1, addsEnding: true)
    return spec
  }

  private func paddedScores() throws(TokenizerError) -> [Float] {
    guard scores.count >= tokens.count else {
      throw .malformed(
        place: "tokenizer.ggml.scores", reason: "\(scores.count) scores for \(tokens.count) tokens")
    }
    guard !scores.contains(where: \.isNaN) else {
      throw .malformed(place: "tokenizer.ggml.scores", reason: "a score that is no number")
    }
    return scores
  }

  // MARK: WordPiece

  /// Converted vocabularies have "▁" at the start of words and nothing inside them.
  func wordPiece() throws(TokenizerError) -> TokenizerSpec {
    var rules = WordPieceRules(unknown: id(unknown ?? 100) ?? 0)
    rules.continuation = []
    var spec = TokenizerSpec(model: .wordPiece(rules))
    try fill(&spec) { Array($0.utf8) }
    spec.normalizers = [
      .bert(cleansText: true, splitsHan: true, stripsAccents: true, lowercases: true)
    ]
    spec.preTokenizers = [
      .bert, .metaspace(MetaspaceRules(prefix: .always, splits: false)),
    ]
    spec.decoders = [.replace(MetaspaceRules.lowerBlock, with: [0x20]), .fuse]
    spec.decoders.append(.strip(content: [0x20], start: 1))
    addTemplate(to: &spec, beginning: 101, addsBeginning: true, ending: nil, addsEnding: false)
    if addsSeparator ?? true, let id = id(separator ?? 102) { spec.suffix = [id] }
    return spec
  }
}
