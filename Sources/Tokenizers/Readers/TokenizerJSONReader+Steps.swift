extension TokenizerJSONReader {
  /// Steps of a list with everything nested in it.
  private static func flattened(
    _ value: JSONValue?, list: String, place: String
  ) throws(TokenizerError) -> [JSONValue] {
    guard let value, value != .null else { return [] }
    guard value["type"]?.text == "Sequence" else { return [value] }
    guard let elements = value[list]?.elements else {
      throw .malformed(place: "\(place).\(list)", reason: "array expected")
    }
    var steps: [JSONValue] = []
    for element in elements { steps += try flattened(element, list: list, place: place) }
    return steps
  }

  private static func pattern(
    _ value: JSONValue?, place: String
  ) throws(TokenizerError) -> TextPattern {
    if let text = value?["String"]?.text ?? value?.text { return .literal(Array(text.utf8)) }
    guard let source = value?["Regex"]?.text else {
      throw .malformed(place: "\(place).pattern", reason: "String or Regex expected")
    }
    return .expression(try Pattern(source, place: "\(place).pattern"))
  }

  private static func bytes(_ value: JSONValue?, place: String) throws(TokenizerError) -> [UInt8] {
    guard let text = value?.text else { throw .malformed(place: place, reason: "text expected") }
    return Array(text.utf8)
  }

  // MARK: Normalizers

  static func normalizers(_ value: JSONValue?) throws(TokenizerError) -> [Normalizer] {
    var steps: [Normalizer] = []
    for step in try flattened(value, list: "normalizers", place: "normalizer") {
      steps.append(try normalizer(step, place: "normalizer"))
    }
    return steps
  }

  private static func normalizer(
    _ step: JSONValue, place: String
  ) throws(TokenizerError) -> Normalizer {
    let type = step["type"]?.text ?? ""
    switch type {
    case "NFC": return .nfc
    case "NFD": return .nfd
    case "NFKC": return .nfkc
    case "NFKD": return .nfkd
    case "Lowercase": return .lowercase
    case "StripAccents": return .stripAccents
    case "Strip":
      return .strip(
        left: step["strip_left"]?.flag ?? true, right: step["strip_right"]?.flag ?? true)
    case "Replace":
      return .replace(
        try pattern(step["pattern"], place: place),
        with: try bytes(step["content"], place: "\(place).content"))
    case "Prepend": return .prepend(try bytes(step["prepend"], place: "\(place).prepend"))
    case "Precompiled":
      let place = "\(place).precompiled_charsmap"
      let map = try base64(try bytes(step["precompiled_charsmap"], place: place), place: place)
      return .charsMap(try CharsMap(map, place: place))
    case "BertNormalizer":
      let lowercases = step["lowercase"]?.flag ?? true
      return .bert(
        cleansText: step["clean_text"]?.flag ?? true,
        splitsHan: step["handle_chinese_chars"]?.flag ?? true,
        stripsAccents: step["strip_accents"]?.flag ?? lowercases, lowercases: lowercases)
    default: throw .unsupported(place: place, what: "a normalizer '\(type)'")
    }
  }

  /// RFC 4648, section 4.
  package static func base64(_ text: [UInt8], place: String) throws(TokenizerError) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3)
    var (bits, count): (UInt32, UInt32) = (0, 0)
    for byte in text where byte != UInt8(ascii: "=") {
      let value: UInt8
      switch byte {
      case 0x41...0x5A: value = byte - 0x41
      case 0x61...0x7A: value = byte - 0x61 + 26
      case 0x30...0x39: value = byte - 0x30 + 52
      case 0x2B: value = 62
      case 0x2F: value = 63
      default: throw .malformed(place: place, reason: "text is not base64")
      }
      bits = bits << 6 | UInt32(value)
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> count))
      }
    }
    return bytes
  }

  // MARK: Pre-tokenizers

  static func preTokenizers(_ value: JSONValue?) throws(TokenizerError) -> [PreTokenizer] {
    var steps: [PreTokenizer] = []
    for step in try flattened(value, list: "pretokenizers", place: "pre_tokenizer") {
      steps.append(try preTokenizer(step, place: "pre_tokenizer"))
    }
    return steps
  }

  private static func preTokenizer(
    _ step: JSONValue, place: String
  ) throws(TokenizerError) -> PreTokenizer {
    let type = step["type"]?.text ?? ""
    switch type {
    case "ByteLevel":
      return .byteLevel(
        addsPrefixSpace: step["add_prefix_space"]?.flag ?? true,
        splits: step["use_regex"]?.flag ?? true)
    case "Split":
      return .split(
        try pattern(step["pattern"], place: place),
        try behavior(step["behavior"], place: place), inverted: step["invert"]?.flag ?? false)
    case "Digits": return .digits(individually: step["individual_digits"]?.flag ?? false)
    case "Metaspace": return .metaspace(try metaspace(step, place: place))
    case "Whitespace": return .whitespace
    case "WhitespaceSplit": return .whitespaceSplit
    case "Punctuation":
      return .punctuation(
        step["behavior"] == nil ? .isolated : try behavior(step["behavior"], place: place))
    case "BertPreTokenizer": return .bert
    case "CharDelimiterSplit":
      return .split(
        .literal(try bytes(step["delimiter"], place: "\(place).delimiter")), .removed,
        inverted: false)
    default: throw .unsupported(place: place, what: "a pre-tokenizer '\(type)'")
    }
  }

  private static func behavior(
    _ value: JSONValue?, place: String
  ) throws(TokenizerError) -> SplitBehavior {
    switch value?.text ?? "" {
    case "Removed": return .removed
    case "Isolated": return .isolated
    case "MergedWithPrevious": return .mergedWithPrevious
    case "MergedWithNext": return .mergedWithNext
    case "Contiguous": return .contiguous
    case let name: throw .unsupported(place: "\(place).behavior", what: "the behavior '\(name)'")
    }
  }

  /// `add_prefix_space` is what older files have instead of `prepend_scheme`.
  private static func metaspace(
    _ step: JSONValue, place: String
  ) throws(TokenizerError) -> MetaspaceRules {
    var rules = MetaspaceRules()
    if let replacement = step["replacement"]?.text { rules.replacement = Array(replacement.utf8) }
    rules.splits = step["split"]?.flag ?? true
    switch step["prepend_scheme"]?.text {
    case "always": rules.prefix = .always
    case "first": rules.prefix = .first
    case "never": rules.prefix = .never
    case nil: rules.prefix = step["add_prefix_space"]?.flag ?? true ? .always : .never
    case let name?:
      throw .unsupported(place: "\(place).prepend_scheme", what: "the scheme '\(name)'")
    }
    return rules
  }

  // MARK: Decoders

  static func decoders(_ value: JSONValue?) throws(TokenizerError) -> [DecoderStep] {
    var steps: [DecoderStep] = []
    for step in try flattened(value, list: "decoders", place: "decoder") {
      steps.append(try decoder(step, place: "decoder"))
    }
    return steps
  }

  private static func decoder(
    _ step: JSONValue, place: String
  ) throws(TokenizerError) -> DecoderStep {
    let type = step["type"]?.text ?? ""
    switch type {
    case "ByteLevel": return .byteLevel
    case "ByteFallback": return .byteFallback
    case "Fuse": return .fuse
    case "Metaspace": return .metaspace(try metaspace(step, place: place))
    case "Replace":
      guard case .literal(let wanted) = try pattern(step["pattern"], place: place) else {
        throw .unsupported(place: place, what: "a regular expression in a decoder")
      }
      return .replace(wanted, with: try bytes(step["content"], place: "\(place).content"))
    case "Strip":
      guard step["stop"]?.integer ?? 0 == 0 else {
        throw .unsupported(place: "\(place).stop", what: "text stripped at its end")
      }
      return .strip(
        content: try bytes(step["content"], place: "\(place).content"),
        start: step["start"]?.integer ?? 0)
    case "WordPiece":
      return .wordPiece(continuation: Array((step["prefix"]?.text ?? "##").utf8))
    default: throw .unsupported(place: place, what: "a decoder '\(type)'")
    }
  }
}
