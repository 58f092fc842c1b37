/// What the files beside a checkpoint say of its tokenizer: Hugging Face's `tokenizer.json`,
/// `tokenizer_config.json`, `special_tokens_map.json`, `generation_config.json`, `config.json`
/// and `chat_template.jinja`.
struct TokenizerFolder {
  /// The largest tokenizers take a quarter of it.
  static let byteLimit = 128 << 20
  /// More tokens than any tokenizer has.
  static let tokenLimit = 1 << 22

  /// nil where there is no such file.
  let tokenizer: JSON?
  let configuration: JSON?
  private let others: [JSON]
  private let template: String?
  /// Whether there is a SentencePiece model, which is not read.
  let hasModelFile: Bool

  /// Throws `CheckpointError.invalidConversion` for a file that is damaged.
  init(beside path: String?) throws(CheckpointError) {
    guard let path else {
      self = TokenizerFolder()
      return
    }
    let folder = FilePath.folder(path)
    var others: [JSON] = []
    for name in ["special_tokens_map.json", "config.json", "generation_config.json"] {
      if let json = try Self.json(folder, name, limit: Sidecars.limit) { others.append(json) }
    }
    let template = try WholeFile.read(folder + "chat_template.jinja", limit: Sidecars.limit)
    self = TokenizerFolder(
      tokenizer: try Self.json(folder, "tokenizer.json", limit: Self.byteLimit),
      configuration: try Self.json(folder, "tokenizer_config.json", limit: Sidecars.limit),
      others: others, template: template.map { String(decoding: $0, as: UTF8.self) },
      hasModelFile: FileIdentity(path: folder + "tokenizer.model") != nil)
  }

  private init(
    tokenizer: JSON? = nil, configuration: JSON? = nil, others: [JSON] = [],
    template: String? = nil, hasModelFile: Bool = false
  ) {
    self.tokenizer = tokenizer
    self.configuration = configuration
    self.others = others
    self.template = template
    self.hasModelFile = hasModelFile
  }

  private static func json(
    _ folder: String, _ name: String, limit: Int
  ) throws(CheckpointError) -> JSON? {
    guard let bytes = try WholeFile.read(folder + name, limit: limit) else { return nil }
    do {
      return try JSON(Bytes(bytes))
    } catch {
      throw .invalidConversion(reason: "\(name) beside the checkpoint is damaged: \(error)")
    }
  }

  /// The chat template; of several the one called `default`.
  var chatTemplate: String? {
    if let template { return template }
    switch configuration?["chat_template"] {
    case .string(let text): return text
    case .array(let list):
      let named = list.first { $0["name"] == .string("default") } ?? list.first
      guard case .string(let text) = named?["template"] else { return nil }
      return text
    default: return nil
    }
  }

  /// The text of a special token, `bos_token`.
  func text(of name: String) -> String? {
    for json in [configuration].compactMap({ $0 }) + others {
      switch json[name] {
      case .string(let text): return text
      case .some(let object):
        if case .string(let text) = object["content"] { return text }
      case nil: continue
      }
    }
    return nil
  }

  /// The number of a special token, `bos_token_id`; of several the first.
  func number(of name: String) -> Int? {
    for json in others {
      switch json[name] {
      case .array(let list): if let number = list.first?.integer { return number }
      case .some(let value): if let number = value.integer { return number }
      case nil: continue
      }
    }
    return nil
  }

  /// `true` or `false` of `tokenizer_config.json`.
  func flag(_ name: String) -> Bool? {
    guard case .bool(let flag) = configuration?[name] else { return nil }
    return flag
  }
}
