extension TokenizerSpec {
  /// Reads a `tokenizer.json` of the Hugging Face library, and if there is one the
  /// `tokenizer_config.json` beside it, which has the conversation's template and
  /// says which tokens begin, end and pad. Throws `TokenizerError`.
  public init(tokenizerJSON: [UInt8], config: [UInt8]? = nil) throws(TokenizerError) {
    let root = try JSONParser.parse(tokenizerJSON)
    guard let model = root["model"], model.members != nil else {
      throw .malformed(place: "tokenizer.json", reason: "no model")
    }
    var reader = TokenizerJSONReader(root: root)
    self = try reader.spec(model)
    if let config { try read(config: config) }
  }

  /// Reads a `tokenizer_config.json`. Throws `TokenizerError`.
  mutating func read(config bytes: [UInt8]) throws(TokenizerError) {
    let config = try JSONParser.parse(bytes)
    var ids: [String: Int32] = [:]
    for token in addedTokens { ids[String(decoding: token.content, as: UTF8.self)] = token.id }
    func id(_ key: String) -> Int32? {
      guard let value = config[key] else { return nil }
      return (value.text ?? value["content"]?.text).flatMap { ids[$0] }
    }
    beginning = id("bos_token") ?? beginning
    ending = id("eos_token") ?? ending
    padding = id("pad_token") ?? padding
    let templates = config["chat_template"]?.elements ?? []
    let named = templates.first { $0["name"]?.text == "default" } ?? templates.first
    chatTemplate = config["chat_template"]?.text ?? named?["template"]?.text
  }

  /// Adds the end tokens that a `generation_config.json` or `config.json` names: a number or a
  /// list. Those that the vocabulary lacks are passed over. Throws `TokenizerError`.
  public mutating func readEndings(_ json: [UInt8]) throws(TokenizerError) {
    let value = try JSONParser.parse(json)["eos_token_id"]
    for number in value?.elements ?? [value].compactMap({ $0 }) {
      guard let id = number.integer, vocabulary.indices.contains(id) else { continue }
      otherEndings.insert(Int32(id))
    }
  }
}

/// Reads the parts of a `tokenizer.json`.
package struct TokenizerJSONReader {
  /// Characters of a word that WordPiece divides, in quadratic time; BERT's have 100.
  static let wordLimit = 1000
  /// Parts of a template around a text.
  static let templateLimit = 64

  let root: JSONValue
  private var builder = VocabularyBuilder()
  private var isByteLevel = false
  private var addedTokens: [AddedToken] = []

  init(root: JSONValue) { self.root = root }

  mutating func spec(_ model: JSONValue) throws(TokenizerError) -> TokenizerSpec {
    let preTokenizers = try TokenizerJSONReader.preTokenizers(root["pre_tokenizer"])
    isByteLevel = preTokenizers.contains {
      if case .byteLevel = $0 { true } else { false }
    }
    var spec = TokenizerSpec(model: try self.model(model))
    spec.vocabulary = builder.vocabulary
    spec.kinds = builder.kinds
    spec.addedTokens = addedTokens
    spec.normalizers = try TokenizerJSONReader.normalizers(root["normalizer"])
    spec.preTokenizers = preTokenizers
    spec.decoders = try TokenizerJSONReader.decoders(root["decoder"])
    try addTemplate(root["post_processor"], to: &spec, depth: 0)
    spec.beginning = spec.prefix.first
    spec.ending = spec.suffix.last
    return spec
  }

  // MARK: Model

  private mutating func model(_ model: JSONValue) throws(TokenizerError) -> TokenModel {
    let type = model["type"]?.text ?? (model["merges"] != nil ? "BPE" : "Unigram")
    switch type {
    case "BPE": return try bytePairs(model)
    case "Unigram": return try unigram(model)
    case "WordPiece": return try wordPiece(model)
    default: throw .unsupported(place: "model.type", what: "a model '\(type)'")
    }
  }

  private mutating func readVocabulary(_ model: JSONValue) throws(TokenizerError) {
    guard let members = model["vocab"]?.members else {
      throw .malformed(place: "model.vocab", reason: "object expected")
    }
    for member in members {
      guard let id = member.value.integer else {
        throw .malformed(place: "model.vocab", reason: "the id of '\(member.key)' is no integer")
      }
      let text = Array(member.key.utf8)
      let bytes = isByteLevel ? ByteAlphabet.decoded(text) : text
      try builder.set(
        id, bytes ?? text, bytes == nil ? .control : .normal, place: "model.vocab")
    }
  }

  /// Tokens that the model does not know, and which tokens are found first.
  private mutating func readAddedTokens() throws(TokenizerError) {
    for (number, token) in (root["added_tokens"]?.elements ?? []).enumerated() {
      let place = "added_tokens[\(number)]"
      guard let id = token["id"]?.integer, let content = token["content"]?.text else {
        throw .malformed(place: place, reason: "id and content expected")
      }
      let bytes = Array(content.utf8)
      if id >= builder.count || id >= 0 && builder.kinds[id] == .unused {
        try builder.set(id, bytes, .control, place: place)
      }
      guard (0..<builder.count).contains(id) else {
        throw .malformed(place: place, reason: "token id \(id)")
      }
      guard !bytes.isEmpty else { continue }
      var added = AddedToken(id: Int32(id), content: bytes)
      added.isSpecial = token["special"]?.flag ?? false
      added.stripsLeft = token["lstrip"]?.flag ?? false
      added.stripsRight = token["rstrip"]?.flag ?? false
      added.isSingleWord = token["single_word"]?.flag ?? false
      added.isNormalized = token["normalized"]?.flag ?? false
      addedTokens.append(added)
    }
  }

  private mutating func bytePairs(_ model: JSONValue) throws(TokenizerError) -> TokenModel {
    for key in ["continuing_subword_prefix", "end_of_word_suffix"]
    where !(model[key]?.text ?? "").isEmpty {
      throw .unsupported(place: "model.\(key)", what: "byte pairs with marks on subwords")
    }
    try readVocabulary(model)
    let modelTokens = builder.kinds
    try readAddedTokens()
    let vocabulary = builder.vocabulary
    var symbols = MergeSymbols(vocabulary) { $0 < modelTokens.count && modelTokens[$0] == .normal }
    var merges: [BytePairRules.Merge] = []
    for (number, merge) in (model["merges"]?.elements ?? []).enumerated() {
      guard let merge = pair(merge, &symbols) else {
        throw .malformed(place: "model.merges[\(number)]", reason: "two tokens expected")
      }
      merges.append(merge)
    }
    var rules = BytePairRules(order: .merges(merges))
    rules.extraSymbols = symbols.extras
    rules.isByteLevel = isByteLevel
    rules.ignoresMerges = model["ignore_merges"]?.flag ?? false
    rules.hasByteFallback = model["byte_fallback"]?.flag ?? false
    rules.fusesUnknown = model["fuse_unk"]?.flag ?? false
    if let unknown = model["unk_token"]?.text {
      rules.unknown = try id(of: unknown, in: model, place: "model.unk_token")
    }
    return .bytePairs(rules)
  }

  /// Older files have the two with a space between them.
  private func pair(_ merge: JSONValue, _ symbols: inout MergeSymbols) -> BytePairRules.Merge? {
    if let parts = merge.elements {
      guard parts.count == 2, let left = parts[0].text, let right = parts[1].text else {
        return nil
      }
      return symbols.merge(left.utf8, right.utf8, isByteLevel: isByteLevel)
    }
    guard let text = merge.text?.utf8, let space = text.firstIndex(of: 0x20),
      !text[space...].dropFirst().contains(0x20)
    else { return nil }
    return symbols.merge(text[..<space], text[space...].dropFirst(), isByteLevel: isByteLevel)
  }

  private func id(
    of token: String, in model: JSONValue, place: String
  ) throws(TokenizerError) -> Int32? {
    // A token that is not there is one that is never used.
    let added = addedTokens.first { $0.content.elementsEqual(token.utf8) }?.id
    return model["vocab"]?[token]?.integer.flatMap { Int32(exactly: $0) } ?? added
  }

  private mutating func unigram(_ model: JSONValue) throws(TokenizerError) -> TokenModel {
    guard let entries = model["vocab"]?.elements else {
      throw .malformed(place: "model.vocab", reason: "array expected")
    }
    var scores: [Double] = []
    for (number, entry) in entries.enumerated() {
      guard let parts = entry.elements, parts.count == 2, let text = parts[0].text,
        let score = parts[1].real
      else {
        throw .malformed(place: "model.vocab[\(number)]", reason: "a token and a score expected")
      }
      let bytes = isByteLevel ? ByteAlphabet.decoded(text.utf8) : Array(text.utf8)
      try builder.set(
        number, bytes ?? Array(text.utf8), bytes == nil ? .control : .normal, place: "model.vocab")
      scores.append(score)
    }
    try readAddedTokens()
    scores += Array(repeating: 0, count: builder.count - scores.count)
    var rules = UnigramRules(scores: scores)
    rules.unknown = model["unk_id"]?.integer.flatMap { Int32(exactly: $0) }
    rules.hasByteFallback = model["byte_fallback"]?.flag ?? false
    return .unigram(rules)
  }

  private mutating func wordPiece(_ model: JSONValue) throws(TokenizerError) -> TokenModel {
    try readVocabulary(model)
    try readAddedTokens()
    guard let token = model["unk_token"]?.text,
      let unknown = try id(of: token, in: model, place: "model.unk_token")
    else { throw .malformed(place: "model.unk_token", reason: "no such token") }
    var rules = WordPieceRules(unknown: unknown)
    rules.continuation = Array((model["continuing_subword_prefix"]?.text ?? "##").utf8)
    let limit = model["max_input_chars_per_word"]?.integer ?? 100
    guard (0...Self.wordLimit).contains(limit) else {
      throw .limitExceeded(what: "characters in a word", limit: Self.wordLimit)
    }
    rules.characterLimit = limit
    return .wordPiece(rules)
  }

  // MARK: Template

  private func addTemplate(
    _ value: JSONValue?, to spec: inout TokenizerSpec, depth: Int
  ) throws(TokenizerError) {
    guard let value, value != .null else { return }
    let type = value["type"]?.text ?? ""
    switch type {
    case "ByteLevel": break
    case "Sequence":
      for part in value["processors"]?.elements ?? [] {
        try addTemplate(part, to: &spec, depth: depth + 1)
      }
    case "TemplateProcessing": try addTemplate(single: value, to: &spec)
    case "RobertaProcessing", "BertProcessing":
      for (key, isPrefix) in [("cls", true), ("sep", false)] {
        guard let pair = value[key]?.elements, pair.count == 2, let id = pair[1].integer,
          let id = Int32(exactly: id)
        else {
          throw .malformed(place: "post_processor.\(key)", reason: "a token and its id expected")
        }
        if isPrefix { spec.prefix.append(id) } else { spec.suffix.append(id) }
      }
    default: throw .unsupported(place: "post_processor.type", what: "a post-processor '\(type)'")
    }
  }

  private func addTemplate(
    single value: JSONValue, to spec: inout TokenizerSpec
  ) throws(TokenizerError) {
    let parts = value["single"]?.elements ?? []
    guard parts.count <= Self.templateLimit else {
      throw .limitExceeded(what: "parts of a template", limit: Self.templateLimit)
    }
    var isAfterText = false
    for part in parts {
      if part["Sequence"] != nil {
        isAfterText = true
        continue
      }
      guard let name = part["SpecialToken"]?["id"]?.text,
        let ids = value["special_tokens"]?[name]?["ids"]?.elements
      else { throw .malformed(place: "post_processor.single", reason: "special token expected") }
      for id in ids {
        guard let id = id.integer, let id = Int32(exactly: id) else {
          throw .malformed(place: "post_processor.special_tokens", reason: "token id expected")
        }
        if isAfterText { spec.suffix.append(id) } else { spec.prefix.append(id) }
      }
    }
  }
}
