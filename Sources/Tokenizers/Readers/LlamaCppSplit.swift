/// How llama.cpp cuts a text for byte pairs, by the name in `tokenizer.ggml.pre`:
/// the expressions of the models' own tokenizers.
struct LlamaCppSplit {
  /// Each divides the pieces that those before it left.
  var patterns: [String]
  var isByteLevel = true
  var ignoresMerges = false
  var takesNewlinesWhole = false
  var addsBeginning = false
  var addsSeparator = false

  /// Throws `TokenizerError.unsupported` for a name that is not known.
  init(name: String) throws(TokenizerError) {
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

  /// Letters of scripts that have two cases.
  private static let deepSeekLetters =
    "A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅ"
    + "Ὀ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼ\u{1FBE}ῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\u{2126}ℨ\u{212A}-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎ"
    + "ↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃"
}
