/// A checkpoint's tokenizer as llama.cpp wants it in a GGUF file.
struct LlamaTokenizer {
  private(set) var pairs: [GGUFPair] = []
  /// What was left out, made up or not known, a sentence each.
  private(set) var notes: [String] = []

  private static let prefix = "tokenizer.ggml."
  /// Reads the files beside a checkpoint whose embedding has `rows` rows. Throws
  /// `CheckpointError.invalidConversion` for files that are damaged.
  init(_ folder: TokenizerFolder, rows: Int) throws(CheckpointError) {
    guard let json = folder.tokenizer else {
      let rest = folder.hasModelFile ? " (tokenizer.model is not read)" : ""
      addNone("there is no tokenizer.json beside the checkpoint" + rest)
      return
    }
    guard let model = json["model"], model["vocab"] != nil else {
      throw Self.damaged("it has no model with a vocab")
    }
    var table = TokenTable(count: rows)
    switch Self.kind(of: model, json) {
    case .byteLevel:
      try Self.addVocabulary(of: model, to: &table)
      try Self.addSpecial(json, to: &table)
      table.fill()
      addTokens(table, model: "gpt2")
      try addMerges(model)
      addPreTokenizer(json, model)
    case .sentencePiece:
      try Self.addVocabulary(of: model, to: &table)
      try Self.addScores(of: model, to: &table)
      try Self.addSpecial(json, to: &table)
      Self.markBytes(model, in: &table)
      table.fill()
      addTokens(table, model: "llama", scores: table.scores)
      pairs.append(GGUFPair(Self.prefix + "pre", PreTokenizer.unknown))
      pairs.append(GGUFPair(Self.prefix + "add_space_prefix", Self.addsSpace(json)))
    case .unigram:
      try Self.addPieces(of: model, to: &table)
      try Self.addSpecial(json, to: &table)
      Self.markBytes(model, in: &table)
      table.fill()
      addTokens(table, model: "t5", scores: table.scores)
      pairs.append(GGUFPair(Self.prefix + "add_space_prefix", Self.addsSpace(json)))
    case .other(let name):
      addNone("tokenizer.json has a tokenizer of the type \(name.quoted), which is not written")
      return
    }
    noteCounts(table)
    addSpecialNumbers(folder, json, table)
    if let template = folder.chatTemplate {
      pairs.append(GGUFPair("tokenizer.chat_template", template))
    }
  }

  /// Of a model of single characters, as nanoGPT's. llama.cpp's tokenizer for RWKV takes the
  /// longest token that fits and knows no special ones, which is the same; it asks for a
  /// new line, and never ends at a character of which it knows only the first bytes.
  init(characters: [String], rows: Int) {
    guard characters.count == rows, characters.contains("\n"), Set(characters).count == rows,
      characters.allSatisfy({ $0.utf8.count == 1 && $0.utf8.allSatisfy { $0 < 0x80 } })
    else {
      addNone("the vocabulary is not one of ASCII characters with a new line")
      return
    }
    pairs.append(GGUFPair(Self.prefix + "model", "rwkv"))
    pairs.append(GGUFPair(Self.prefix + "tokens", characters.map { Self.escaped($0) }))
    pairs.append(
      GGUFPair(
        Self.prefix + "token_type", characters.map { _ in TokenTable.Kind.normal.rawValue }))
    notes.append("the characters are written as a tokenizer of llama.cpp's type rwkv")
  }

  /// In bytes of which all but printable ASCII is escaped.
  private static func escaped(_ text: String) -> String {
    let digits = Array("0123456789abcdef")
    return text.utf8.reduce(into: "") { result, byte in
      if 0x20..<0x7F ~= byte, byte != UInt8(ascii: "\\") {
        result.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        result += "\\x\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
      }
    }
  }

  private mutating func addNone(_ reason: String) {
    pairs.append(GGUFPair(Self.prefix + "model", "none"))
    notes.append("\(reason): llama.cpp gets no tokenizer, and takes tokens as numbers only")
  }

  private mutating func addTokens(_ table: TokenTable, model: String, scores: [Float]? = nil) {
    pairs.append(GGUFPair(Self.prefix + "model", model))
    pairs.append(GGUFPair(Self.prefix + "tokens", table.texts.map { $0 ?? "" }))
    pairs.append(GGUFPair(Self.prefix + "token_type", table.kinds.map(\.rawValue)))
    if let scores { pairs.append(GGUFPair(Self.prefix + "scores", scores)) }
  }

  private mutating func addMerges(_ model: JSON) throws(CheckpointError) {
    let merges = try Self.merges(of: model)
    // llama.cpp takes what stands before the first space for the first half.
    let written = merges.filter { !$0.0.utf8.contains(0x20) && !$0.1.utf8.contains(0x20) }
    pairs.append(GGUFPair(Self.prefix + "merges", written.map { "\($0.0) \($0.1)" }))
    if written.count < merges.count {
      notes.append("\(merges.count - written.count) merges with spaces in them are left out")
    }
  }

  private mutating func addPreTokenizer(_ json: JSON, _ model: JSON) {
    let name = PreTokenizer.name(
      of: json["pre_tokenizer"], ignoresMerges: model["ignore_merges"] == .bool(true))
    pairs.append(GGUFPair(Self.prefix + "pre", name ?? PreTokenizer.unknown))
    if name == nil {
      notes.append(
        "llama.cpp's name for this pre_tokenizer is not known; \(PreTokenizer.unknown.quoted) is "
          + "written, which may cut text otherwise")
    }
  }

  private mutating func noteCounts(_ table: TokenTable) {
    if table.outsideCount > 0 {
      notes.append(
        "\(table.outsideCount) tokens of tokenizer.json are left out: the embedding has no row for "
          + "them")
    }
    if table.unusedCount > 0 {
      notes.append(
        "\(table.unusedCount) rows of the embedding have no token, and get unused ones, [PAD…]")
    }
  }

  static func damaged(_ reason: String) -> CheckpointError {
    .invalidConversion(reason: "tokenizer.json beside the checkpoint is damaged: \(reason)")
  }
}

extension LlamaTokenizer {
  private static let special = [
    ("bos_token", "bos_token_id"), ("eos_token", "eos_token_id"), ("unk_token", "unknown_token_id"),
    ("pad_token", "padding_token_id"), ("sep_token", "seperator_token_id"),
    ("mask_token", "mask_token_id"),
  ]

  private mutating func addSpecialNumbers(
    _ folder: TokenizerFolder, _ json: JSON, _ table: TokenTable
  ) {
    var numbers: [String: Int] = [:]
    for (name, key) in Self.special {
      let number =
        folder.text(of: name).flatMap { table[$0] } ?? folder.number(of: name + "_id")
      guard let number, table.texts.indices.contains(number) else { continue }
      numbers[name] = number
      pairs.append(GGUFPair(Self.prefix + key, UInt32(number)))
    }
    let ends = Self.ends(of: json["post_processor"])
    for (name, flag, isThere) in [
      ("bos_token", "add_bos_token", ends?.first), ("eos_token", "add_eos_token", ends?.last),
    ] {
      let text = numbers[name].flatMap { table.texts[$0] }
      let isAdded = folder.flag(flag) ?? ends.map { _ in text != nil && isThere == text }
      if let isAdded { pairs.append(GGUFPair(Self.prefix + flag, isAdded)) }
    }
  }

  /// The special tokens that a template puts before and behind a text; nil where there is no
  /// template.
  private static func ends(of json: JSON?) -> (first: String?, last: String?)? {
    let steps = PreTokenizer.steps(of: json)
    if steps.isEmpty { return (nil, nil) }
    guard let template = steps.first(where: { PreTokenizer.type(of: $0) == "TemplateProcessing" })
    else {
      return steps.allSatisfy { PreTokenizer.type(of: $0) == "ByteLevel" } ? (nil, nil) : nil
    }
    guard case .array(let items) = template["single"] else { return nil }
    func token(_ item: JSON?) -> String? {
      guard case .string(let text) = item?["SpecialToken"]?["id"] else { return nil }
      return text
    }
    return (token(items.first), token(items.last))
  }
}
