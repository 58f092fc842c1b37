/// How llama.cpp cuts a text for byte pairs, by the name in `tokenizer.ggml.pre`:
/// the expressions of the models' own tokenizers.
package struct LlamaCppSplit {
  /// Each divides the pieces that those before it left.
  package var patterns: [String]
  var isByteLevel = true
  var ignoresMerges = false
  var takesNewlinesWhole = false
  var addsBeginning = false
  var addsSeparator = false

  /// Throws `TokenizerError.unsupported` for a name that is not known.
  package init(name: String) throws(TokenizerError) {
    guard let patterns = LlamaCppSplit.patterns(of: name) else {
      throw .unsupported(place: "tokenizer.ggml.pre", what: "a pre-tokenizer '\(name)'")
    }
    self.patterns = patterns
    switch name {
    case "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
      "jina-v5-nano":
      (ignoresMerges, addsBeginning) = (true, true)
    case "youtu", "glm4", "glm5", "minicpm5", "granite-embed-multi-97m": ignoresMerges = true
    case "tekken": (ignoresMerges, addsBeginning) = (true, true)
    case "gemma4", "granite-embed-multi-311m":
      (isByteLevel, takesNewlinesWhole, addsBeginning) = (false, true, true)
    case "sarvam-moe": isByteLevel = false
    case "jina-v1-en", "jina-v2-code", "roberta-bpe": addsSeparator = true
    default: break
    }
  }

  private static func patterns(of name: String) -> [String]? {
    switch name {
    case "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
      "jina-v5-nano", "dbrx", "smaug-bpe", "chatglm-bpe", "glm4", "glm5":
      [llama3]
    case "qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "stablelm2", "hunyuan", "solar-open",
      "megrez", "grok-2":
      [qwen2]
    case "qwen35": [qwen35]
    case "ufakzeka": [words + ufakzekaRest]
    case "gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es", "jina-v2-de", "a.x-4.0",
      "mellum", "modern-bert", "jina-v1-en", "jina-v2-code", "roberta-bpe", "exaone4", "mpt",
      "olmo", "jais", "trillion", "granite-docling":
      [gpt2]
    case "starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b",
      "mellum2":
      [#"\p{N}"#, gpt2]
    case "falcon": [#"[\p{P}\$\+<=>\^~\|`]+"#, gpt2, "[0-9][0-9][0-9]"]
    case "default": [#"[\p{P}\$\+<=>\^~\|]+"#, gpt2, #"\p{N}+"#, "[0-9][0-9][0-9]"]
    case "deepseek-llm": deepSeekLLM
    case "deepseek-coder":
      ["[\r\n]", #"\s?\p{L}+"#, #"\s?\p{P}+"#, "[一-龥ࠀ-一가-퟿]+", #"\p{N}"#]
    case "deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4":
      [#"\p{N}{1,3}"#, "[一-龥぀-ゟ゠-ヿ]+", deepSeekV3]
    case "gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2", "granite-embed-multi-97m":
      [cased(contractions: true, numbers: #"\p{N}{1,3}"#)]
    case "tekken": [cased(contractions: false, numbers: #"\p{N}"#)]
    case "tiny_aya", "cohere2moe":
      [#"\d{1,3}(?=(?:\d{3})*\b)"#, cased(contractions: true, numbers: #"\p{N}{1,3}"#)]
    case "youtu":
      [
        "[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ゟ゠-ヿ]+",
        cased(contractions: true, numbers: #"\p{N}"#),
      ]
    case "poro-chat", "bloom", "gpt3-finnish": [bloom]
    case "viking": [bloom, #"\p{N}"#]
    case "bailingmoe", "bailingmoe2", "llada-moe":
      [
        #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"#
          + #"|\s*[\r\n]|\s+(?!\S)|\s+"#
      ]
    case "seed-coder":
      [contractions + "|" + words + #"|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|"# + lines]
    case "jais-2": [jais2]
    case "exaone-moe":
      [
        contractions + #"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}"#
          + #"| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+"#
      ]
    case "minicpm5":
      [
        #"\p{N}{1,3}"#,
        contractions + "|" + words + #"|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*|"# + lines,
      ]
    case "laguna": [#"[^\n]+|[\n]+"#, qwen2]
    case "gemma4", "granite-embed-multi-311m", "sarvam-moe": [#"[^\n]+|[\n]+"#]
    case "superbpe": [#"\p{N}+"#, #"\d{1,3}(?=(?:\d{3})*(?!\d))"#]
    case "kimi-k2": [kimi]
    case "chameleon":
      [
        "<sentinel:[0-9]+>", "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z", #"([\t\n]|    |  )"#,
        #"\p{N}"#, #"[\p{P}!-/:-@\[-`{-~]"#, gpt2,
      ]
    default: nil
    }
  }

  // MARK: Parts

  private static let gpt2 = Segmenter.gpt2
  private static let contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
  private static let words = #"[^\r\n\p{L}\p{N}]?\p{L}+"#
  private static let lines = #"\s*[\r\n]+|\s+(?!\S)|\s+"#
  private static let marks = #" ?[^\s\p{L}\p{N}]+[\r\n]*"#
  private static let ufakzekaRest = #"|\p{N}|"# + marks + "|" + lines
  private static let llama3 =
    contractions + "|" + words + #"|\p{N}{1,3}|"# + marks + "|" + lines
  private static let qwen2 = contractions + "|" + words + #"|\p{N}|"# + marks + "|" + lines
  private static let qwen35 =
    contractions + #"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|"#
    + lines
  private static let jais2 =
    contractions + "|" + words + #"|\p{N}{1,3}|"# + marks
    + #"|\s*[\r\n]+|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)"#
    + #"|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}"#
  private static let bloom = " ?[^(\\s|.,!?…。，、।۔،)]+"

  /// GPT-4o's words: capitals, then small letters.
  private static func cased(contractions: Bool, numbers: String) -> String {
    let upper = #"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#
    let lower = #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#
    let lead = #"[^\r\n\p{L}\p{N}]?"#
    let tail = contractions ? LlamaCppSplit.contractions + "?" : ""
    return "\(lead)\(upper)*\(lower)+\(tail)|\(lead)\(upper)+\(lower)*\(tail)|\(numbers)"
      + #"| ?[^\s\p{L}\p{N}]+[\r\n/]*|"# + lines
  }

  /// The same without Chinese, which is words of its own.
  private static let kimi: String = {
    let upper = #"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]"#
    let lower = #"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]"#
    let lead = #"[^\r\n\p{L}\p{N}]?"#
    let tail = contractions + "?"
    return #"[\p{Han}]+|"#
      + "\(lead)\(upper)*\(lower)+\(tail)|\(lead)\(upper)+\(lower)*\(tail)"
      + #"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"# + lines
  }()

  private static let deepSeekV3 =
    ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?"##
    + #"[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|"# + lines

  private static let deepSeekLLM = [
    "[\r\n]",
    #"\s?["# + deepSeekLetters + "]+",
    #"\s?[!-/:-~！-／：-～‘-‟　-。]+"#,
    #"\s+$"#,
    "[一-龥ࠀ-一가-퟿]+",
    #"\p{N}+"#,
  ]

  /// The letters that DeepSeek LLM's expression lists, as hexadecimal ranges.
  private static let deepSeekLetters = """
    41-5A 61-7A B5 C0-D6 D8-F6 F8-1BA 1BC-1BF 1C4-293 295-2AF 370-373 376 377 37B-37D 37F 386 \
    388-38A 38C 38E-3A1 3A3-3F5 3F7-481 48A-52F 531-556 10A0-10C5 13A0-13F5 13F8-13FD 1C90-1CBA \
    1CBD-1CBF 1D00-1D2B 1D6B-1D77 1D79-1D9A 1E00-1F15 1F18-1F1D 1F20-1F45 1F48-1F4D 1F50-1F57 \
    1F59 1F5B 1F5D 1F5F-1F7D 1F80-1FB4 1FB6-1FBC 1FBE 1FC2-1FC4 1FC6-1FCC 1FD0-1FD3 1FD6-1FDB \
    1FE0-1FEC 1FF2-1FF4 1FF6-1FFC 2102 2107 210A-2113 2115 2119-211D 2124 2126 2128 212A-212D \
    212F-2134 2139 213C-213F 2145-2149 214E 2183 2184 2C00-2C7B 2C7E-2CE4 2CEB-2CEE 2CF2 2CF3 \
    A640-A66D A680-A69B A722-A76F A771-A787 A78B-A78E AB70-ABBF FB00-FB06 FB13-FB17 FF21-FF3A \
    FF41-FF5A 10400-1044F 104B0-104D3 104D8-104FB 10C80-10CB2 10CC0-10CF2 118A0-118DF \
    1E900-1E943
    """.split(separator: " ").map { range in
      range.split(separator: "-").map { #"\x{\#($0)}"# }.joined(separator: "-")
    }.joined()
}
