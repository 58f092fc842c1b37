/// How a byte-level tokenizer cuts text before it merges bytes. llama.cpp has the expressions
/// built in, under names: `tokenizer.ggml.pre`.
enum PreTokenizer {
  /// The word for what no name is known of.
  static let unknown = "default"

  /// Expressions of `Split` as `tokenizer.json` spells them, and llama.cpp's name.
  private static let names: [String: String] = [
    contractions + letters + #"|\p{N}{1,3}"# + rest: "llama-bpe",
    contractions + letters + #"|\p{N}"# + rest: "qwen2",
    cased + tail + "|" + casedUpper + tail + #"|\p{N}{1,3}"# + slashRest: "gpt-4o",
    cased + "|" + casedUpper + #"|\p{N}"# + slashRest: "tekken",
    #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]"#
      + #"|\s+(?!\S)|\s+"#: "bailingmoe",
  ]
  private static let contractions = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|"#
  private static let letters = #"[^\r\n\p{L}\p{N}]?\p{L}+"#
  private static let rest = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  private static let slashRest = #"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  private static let upper = #"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#
  private static let lower = #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#
  private static let start = #"[^\r\n\p{L}\p{N}]?"#
  private static let cased = start + upper + "*" + lower + "+"
  private static let casedUpper = start + upper + "+" + lower + "*"
  private static let tail = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"

  /// llama.cpp's name for a `pre_tokenizer`; nil where none is known to cut alike.
  static func name(of json: JSON?, ignoresMerges: Bool) -> String? {
    let steps = steps(of: json)
    let types = steps.map { type(of: $0) }
    switch types {
    case ["ByteLevel"]: return cutsByItself(steps[0]) ? "gpt-2" : nil
    case ["Digits", "ByteLevel"]:
      let isSingle = steps[0]["individual_digits"] == .bool(true)
      return isSingle && cutsByItself(steps[1]) ? "smollm" : nil
    case ["Split", "ByteLevel"]:
      guard !cutsByItself(steps[1]), case .string(let text) = steps[0]["pattern"]?["Regex"],
        let name = names[text]
      else { return nil }
      // The same expression without merges of whole words.
      return name == "llama-bpe" && !ignoresMerges ? "dbrx" : name
    default: return nil
    }
  }

  /// Whether one of the steps turns bytes into characters.
  static func isByteLevel(_ json: JSON?) -> Bool {
    steps(of: json).contains { type(of: $0) == "ByteLevel" }
  }

  /// The steps of a `Sequence`, or the one there is.
  static func steps(of json: JSON?) -> [JSON] {
    guard let json, json != .null else { return [] }
    if type(of: json) == "Sequence" {
      for key in ["pretokenizers", "normalizers", "decoders", "processors"] {
        if case .array(let list) = json[key] { return list }
      }
    }
    return [json]
  }

  static func type(of step: JSON) -> String {
    guard case .string(let type) = step["type"] else { return "" }
    return type
  }

  /// `use_regex`, which is true where nothing says otherwise.
  private static func cutsByItself(_ step: JSON) -> Bool { step["use_regex"] != .bool(false) }
}
