/// A GGUF file's settings under the names that the rest of the program knows.
enum GGUFSettings {
  private static let architectureKey = "general.architecture"

  /// What stands behind `ARCHITECTURE.`, and nanoGPT's or Hugging Face's word.
  private static let names = [
    ("block_count", "n_layer"),
    ("embedding_length", "n_embd"),
    ("attention.head_count", "n_head"),
    ("attention.head_count_kv", "num_key_value_heads"),
    ("attention.key_length", "head_dim"),
    ("attention.layer_norm_epsilon", "layer_norm_epsilon"),
    ("attention.layer_norm_rms_epsilon", "rms_norm_eps"),
    ("attention.sliding_window", "sliding_window"),
    ("context_length", "block_size"),
    ("expert_count", "num_local_experts"),
    ("expert_used_count", "num_experts_per_tok"),
    ("feed_forward_length", "intermediate_size"),
    ("rope.freq_base", "rope_theta"),
    ("vocab_size", "vocab_size"),
  ]
  private static let tokenizerNames = [
    ("tokenizer.ggml.bos_token_id", "bos_token_id"),
    ("tokenizer.ggml.eos_token_id", "eos_token_id"),
  ]

  /// Settings that differ between blocks, arrays in the file, are left out.
  static func configuration(_ metadata: GGUFMetadata) -> [String: String] {
    guard case .text(let architecture) = metadata[architectureKey] else { return [:] }
    var settings = ["model_type": architecture]
    for (key, name) in names.map({ ("\(architecture).\($0)", $1) }) + tokenizerNames {
      guard let entry = metadata.entry(key), entry.kind != .array, entry.kind != .text else {
        continue
      }
      settings[name] = metadata.shown(entry)
    }
    if settings["vocab_size"] == nil, case .array(let count) = metadata["tokenizer.ggml.tokens"] {
      settings["vocab_size"] = String(count)
    }
    return settings
  }
}
