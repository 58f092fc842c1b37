/// What `tokenizer.json` says.
extension LlamaTokenizer {
  /// U+2581, which stands for a space.
  private static let space = "\u{2581}"

  /// How text is cut.
  enum Kind {
    case byteLevel, sentencePiece, unigram
    case other(String)
  }

  static func kind(of model: JSON, _ json: JSON) -> Kind {
    var type = PreTokenizer.type(of: model)
    if type.isEmpty, model["merges"] != nil { type = "BPE" }
    switch type {
    case "Unigram": return .unigram
    case "BPE":
      let isByteLevel =
        PreTokenizer.isByteLevel(json["pre_tokenizer"]) || PreTokenizer.isByteLevel(json["decoder"])
      if isByteLevel { return .byteLevel }
      return model["byte_fallback"] == .bool(true) ? .sentencePiece : .other("BPE of characters")
    default: return .other(type)
    }
  }

  static func addVocabulary(
    of model: JSON, to table: inout TokenTable
  ) throws(CheckpointError) {
    guard case .object(let members) = model["vocab"] else {
      throw damaged("its vocab is no object")
    }
    for member in members {
      guard let number = member.value.integer, 0..<TokenizerFolder.tokenLimit ~= number else {
        throw damaged("the token \(member.key.quoted) has no number")
      }
      table.set(number, member.key, .normal)
    }
  }

  /// The pieces of a Unigram model, each with its logarithm.
  static func addPieces(
    of model: JSON, to table: inout TokenTable
  ) throws(CheckpointError) {
    guard case .array(let pieces) = model["vocab"] else { throw damaged("its vocab is no list") }
    for (number, piece) in pieces.enumerated() {
      guard case .array(let pair) = piece, pair.count == 2, case .string(let text) = pair[0],
        let score = pair[1].scalarText.flatMap({ Float($0) }), score.isFinite
      else { throw damaged("piece \(number) of its vocab is no text with a score") }
      table.set(number, text, .normal, score: score)
    }
    if let unknown = model["unk_id"]?.integer { table.setKind(.unknown, of: unknown) }
  }

  /// Tokens besides the model's; those that control, and those that users see.
  static func addSpecial(
    _ json: JSON, to table: inout TokenTable
  ) throws(CheckpointError) {
    guard case .array(let tokens) = json["added_tokens"] else { return }
    for (position, token) in tokens.enumerated() {
      guard case .string(let text) = token["content"], let number = token["id"]?.integer,
        0..<TokenizerFolder.tokenLimit ~= number
      else { throw damaged("added token \(position) has no content or no id") }
      let isControl =
        token["special"] == .bool(true) || text.hasPrefix("<|") && text.hasSuffix("|>")
      // llama.cpp looks for a user's tokens in text whose spaces are spaces.
      let shown =
        isControl
        ? text
        : text.split(separator: space, omittingEmptySubsequences: false)
          .joined(separator: " ")
      table.set(number, shown, isControl ? .control : .userDefined, score: -1000)
    }
  }

  /// SentencePiece merges the pair of the best score first; merges that come first are best.
  static func addScores(
    of model: JSON, to table: inout TokenTable
  ) throws(CheckpointError) {
    let merges = try merges(of: model)
    for number in table.texts.indices { table.setScore(-Float(merges.count), of: number) }
    var isScored: Set<Int> = []
    for (rank, merge) in merges.enumerated() {
      guard let number = table[merge.0 + merge.1], isScored.insert(number).inserted
      else { continue }
      table.setScore(-Float(rank), of: number)
    }
  }

  /// `<0x0A>` and the like, and the token for what is unknown.
  static func markBytes(_ model: JSON, in table: inout TokenTable) {
    for byte in 0..<256 {
      let digits = String(byte, radix: 16, uppercase: true)
      let text = "<0x\(byte < 16 ? "0" : "")\(digits)>"
      if let number = table[text] { table.setKind(.byte, of: number) }
    }
    if case .string(let text) = model["unk_token"], let number = table[text] {
      table.setKind(.unknown, of: number)
    }
  }

  /// Pairs in their order, which files list as texts or as lists of two.
  static func merges(
    of model: JSON
  ) throws(CheckpointError) -> [(String, String)] {
    guard case .array(let list) = model["merges"] else { throw damaged("it has no merges") }
    var merges: [(String, String)] = []
    merges.reserveCapacity(list.count)
    for (position, merge) in list.enumerated() {
      switch merge {
      case .array(let pair):
        guard pair.count == 2, case .string(let first) = pair[0], case .string(let second) = pair[1]
        else { throw damaged("merge \(position) is no pair") }
        merges.append((first, second))
      case .string(let text):
        let parts = text.utf8.split(separator: UInt8(ascii: " "), maxSplits: 1)
        guard parts.count == 2 else { throw damaged("merge \(position) is no pair") }
        merges.append((String(Substring(parts[0])), String(Substring(parts[1]))))
      default: throw damaged("merge \(position) is no pair")
      }
    }
    return merges
  }

  /// Whether a space is put before a text.
  static func addsSpace(_ json: JSON) -> Bool {
    let normalizers = PreTokenizer.steps(of: json["normalizer"])
    if normalizers.contains(where: { PreTokenizer.type(of: $0) == "Prepend" }) { return true }
    return PreTokenizer.steps(of: json["pre_tokenizer"]).contains { step in
      guard PreTokenizer.type(of: step) == "Metaspace" else { return false }
      if case .string(let scheme) = step["prepend_scheme"] { return scheme != "never" }
      return step["add_prefix_space"] != .bool(false)
    }
  }
}
