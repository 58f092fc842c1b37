/// What llama.cpp's GGUF files call the tensors of a GPT.
enum LlamaCppNames {
  /// Stands in the place of a prefix; no tensor's name begins so.
  static let prefix = "\u{0}gguf"
  static let tokens = "token_embd.weight"
  static let positions = "position_embd.weight"
  static let witness = "blk.0.attn_qkv.weight"

  private static let words = [
    "wte": "token_embd", "wpe": "position_embd", "ln_f": "output_norm", "lm_head": "output",
    "ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output",
    "ln_2": "ffn_norm", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down",
  ]

  /// The name of what nanoGPT calls `h.3.attn.c_attn.weight`, or a part of that from the
  /// start.
  static func name(of name: String) -> String {
    var rest = name[...]
    var start = ""
    if rest.hasPrefix("h.") {
      rest = rest.dropFirst(2)
      start = "blk."
      if let dot = rest.firstIndex(of: ".") {
        start += rest[...dot]
        rest = rest[rest.index(after: dot)...]
      }
    }
    for suffix in [".weight", ".bias", ""] where rest.hasSuffix(suffix) {
      let layer = String(rest.dropLast(suffix.count))
      return start + (words[layer] ?? layer) + suffix
    }
    return start + rest
  }
}
