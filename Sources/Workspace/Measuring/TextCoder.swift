internal import CheckpointIO
internal import Synchronization
internal import Tokenizers
internal import Transformers

/// Text to a checkpoint's tokens and back, by the vocabulary or the tokenizer that it has, in
/// its file or beside it.
enum TextCoder: Sendable {
  case characters(CharacterTokenizer)
  case tokenizer(Tokenizer)

  /// More than any tokenizer's file has.
  private static let byteLimit = 128 << 20

  /// Throws `TextError` where there is none, or it cannot be used with a model of so many
  /// tokens.
  init(of checkpoint: Checkpoint, tokens: Int? = nil) throws {
    if let vocabulary = checkpoint.vocabulary {
      self = .characters(CharacterTokenizer(vocabulary: vocabulary))
      return
    }
    let tokenizer: Tokenizer
    do {
      guard let spec = try Self.spec(of: checkpoint) else { throw TextError.noTokenizer }
      tokenizer = try Tokenizer(spec)
    } catch let error as TextError {
      throw error
    } catch {
      throw TextError("its tokenizer cannot be used: \(error)")
    }
    if let tokens, let last = tokenizer.lastToken, Int(last) >= tokens {
      throw TextError(
        "its tokenizer has a token \(last) where the model has \(tokens) tokens")
    }
    self = .tokenizer(tokenizer)
  }

  private static func spec(of checkpoint: Checkpoint) throws -> TokenizerSpec? {
    if let gguf = checkpoint.gguf.flatMap({ GGUFTokenizer($0) }) {
      return try TokenizerSpec(gguf: gguf)
    }
    guard let path = checkpoint.path else { return nil }
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    let config = try WholeFile.read(folder + "tokenizer_config.json", limit: byteLimit)
    var spec: TokenizerSpec
    if let json = try WholeFile.read(folder + "tokenizer.json", limit: byteLimit) {
      spec = try TokenizerSpec(tokenizerJSON: json, config: config)
    } else if let model = try WholeFile.read(folder + "tokenizer.model", limit: byteLimit) {
      spec = try TokenizerSpec(sentencePieceModel: model, config: config)
    } else {
      return nil
    }
    if let template = try WholeFile.read(folder + "chat_template.jinja", limit: byteLimit) {
      spec.chatTemplate = String(decoding: template, as: UTF8.self)
    }
    // Damaged ones have been warned of when the checkpoint was opened.
    for name in ["generation_config.json", "config.json"] {
      guard let json = try WholeFile.read(folder + name, limit: byteLimit) else { continue }
      try? spec.readEndings(json)
    }
    return spec
  }

  /// The tokens of a text, without those that begin or end texts. Throws `NetworkError`
  /// at a character that there is no token for.
  func encode(_ text: String) throws -> [Int] {
    switch self {
    case .characters(let tokenizer): try tokenizer.encode(text)
    case .tokenizer(let tokenizer): tokenizer.encode(text).map { Int($0) }
    }
  }

  /// The tokens that a model is given of a prompt: with those that begin texts, and special
  /// ones where they are written out. Throws as `encode`.
  func encode(prompt: String) throws -> [Int] {
    switch self {
    case .characters(let tokenizer): try tokenizer.encode(prompt)
    case .tokenizer(let tokenizer):
      tokenizer.encode(prompt, addSpecial: true, parseSpecial: true).map { Int($0) }
    }
  }

  /// The token before each text that is measured in llama.cpp's way; nil if the model has no
  /// such token.
  var firstToken: Int? {
    guard case .tokenizer(let tokenizer) = self else { return nil }
    return tokenizer.spec.prefix.first.map { Int($0) }
  }

  /// The tokens that end what a model writes: those that the files name, and in a
  /// conversation those that end a turn.
  func endings(inConversation: Bool) -> Set<Int> {
    guard case .tokenizer(let tokenizer) = self else { return [] }
    var endings = tokenizer.spec.otherEndings
    if let ending = tokenizer.spec.ending { endings.insert(ending) }
    if inConversation { endings.formUnion(tokenizer.turnEndings) }
    return Set(endings.map { Int($0) })
  }

  /// A conversation as the model's chat template writes it. Throws `TextError` where there is
  /// no template, and `ChatTemplateError`.
  func text(of conversation: Conversation) throws -> String {
    guard case .tokenizer(let tokenizer) = self, let source = tokenizer.spec.chatTemplate else {
      throw TextError("the checkpoint has no chat template, in its file or beside it")
    }
    return try ChatTemplate(source).render(
      conversation.messages, tokens: tokenizer.spec.specialTexts, on: conversation.date)
  }

  /// The tokens of a text that has its special tokens written out, and no others.
  func encode(complete text: String) throws -> [Int] {
    switch self {
    case .characters(let tokenizer): try tokenizer.encode(text)
    case .tokenizer(let tokenizer):
      tokenizer.encode(text, parseSpecial: true).map { Int($0) }
    }
  }

  /// What a text's tokens are called: `characters`, or `tokens`.
  var unit: String {
    if case .characters = self { "characters" } else { "tokens" }
  }
}

/// Text of tokens as they come, whole characters only.
struct TextStream {
  private let coder: TextCoder
  private var decoder: StreamingDecoder?

  init(_ coder: TextCoder) {
    self.coder = coder
    if case .tokenizer(let tokenizer) = coder { decoder = StreamingDecoder(tokenizer) }
  }

  /// The characters that a token completes.
  mutating func append(_ token: Int) -> String {
    switch coder {
    case .characters(let tokenizer): tokenizer.decode([token])
    case .tokenizer: decoder?.append(Int32(truncatingIfNeeded: token)) ?? ""
    }
  }

  /// What is left at the end.
  mutating func finish() -> String { decoder?.finish() ?? "" }
}

extension Tokenizer {
  /// The highest token that ordinary text can become. Added ones may lie beyond what a model
  /// has: Gemma 3's for images does.
  fileprivate var lastToken: Int32? {
    let added = Set(spec.addedTokens.map(\.id))
    return spec.vocabulary.indices.last {
      spec.kinds[$0] == .normal && !added.contains(Int32($0))
    }.map { Int32($0) }
  }

  /// What ends a turn in the known families, for files that name the end of texts only.
  private static let turnEndings = [
    "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<end_of_turn>", "<|end|>", "<|endoftext|>",
    "<|end_of_text|>",
  ]

  fileprivate var turnEndings: [Int32] {
    // gpt-oss ends each part of a turn with <|end|>, and the turn with <|return|>.
    let hasParts = id(of: "<|return|>") != nil
    return Self.turnEndings.compactMap { name in
      name == "<|end|>" && hasParts ? nil : id(of: name)
    }.filter { isSpecial($0) }
  }
}

extension GGUFTokenizer {
  /// What a GGUF file's metadata says; nil where it has no tokenizer.
  init?(_ metadata: GGUFMetadata) {
    func text(_ key: String) -> String? {
      if case .text(let text) = metadata[key] { text } else { nil }
    }
    func flag(_ key: String) -> Bool? {
      if case .bool(let flag) = metadata["tokenizer.ggml.\(key)"] { flag } else { nil }
    }
    func number(_ key: String) -> Int? {
      switch metadata["tokenizer.ggml.\(key)"] {
      case .unsigned(let number): Int(exactly: number)
      case .signed(let number): Int(exactly: number)
      default: nil
      }
    }
    guard let model = text("tokenizer.ggml.model"),
      let tokens = metadata.texts("tokenizer.ggml.tokens"), !tokens.isEmpty
    else { return nil }
    self.init(model: model, tokens: tokens)
    pre = text("tokenizer.ggml.pre")
    scores = metadata.numbers("tokenizer.ggml.scores")?.map { Float($0) } ?? []
    tokenTypes = metadata.numbers("tokenizer.ggml.token_type")?.map { Int($0) } ?? []
    merges = metadata.texts("tokenizer.ggml.merges") ?? []
    beginning = number("bos_token_id")
    ending = number("eos_token_id")
    otherEndings = ["eot_token_id", "eom_token_id"].compactMap { number($0) }
    unknown = number("unknown_token_id")
    separator = number("seperator_token_id")
    padding = number("padding_token_id")
    addsBeginning = flag("add_bos_token")
    addsEnding = flag("add_eos_token")
    addsSeparator = flag("add_sep_token")
    addsSpacePrefix = flag("add_space_prefix")
    removesExtraSpaces = flag("remove_extra_whitespaces")
    charsMap =
      metadata.numbers("tokenizer.ggml.precompiled_charsmap")?
      .map { UInt8(truncatingIfNeeded: Int($0)) } ?? []
    chatTemplate = text("tokenizer.chat_template")
  }
}
