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
    ("attention.scale", "attention_multiplier"),
    ("attention.sliding_window", "sliding_window"),
    ("attention.sliding_window_pattern", "sliding_window_pattern"),
    ("attn_logit_softcapping", "attn_logit_softcapping"),
    ("embedding_scale", "embedding_multiplier"),
    ("expert_feed_forward_length", "moe_intermediate_size"),
    ("expert_shared_feed_forward_length", "shared_expert_intermediate_size"),
    ("final_logit_softcapping", "final_logit_softcapping"),
    ("logit_scale", "logits_scaling"),
    ("residual_scale", "residual_multiplier"),
    ("rope.dimension_count", "rotary_dim"),
    ("rope.freq_base_swa", "rope_local_base_freq"),
    ("rope.scaling.attn_factor", "rope_scaling.attention_factor"),
    ("rope.scaling.factor", "rope_scaling.factor"),
    (
      "rope.scaling.original_context_length",
      "rope_scaling.original_max_position_embeddings"
    ),
    ("rope.scaling.yarn_beta_fast", "rope_scaling.beta_fast"),
    ("rope.scaling.yarn_beta_slow", "rope_scaling.beta_slow"),
    ("use_parallel_residual", "use_parallel_residual"),
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

  /// More blocks than any model has.
  private static let blockLimit = 1 << 12

  /// Settings that differ between blocks, arrays in the file, are left out; but not which of
  /// them have a window.
  static func configuration(_ metadata: GGUFMetadata) -> [String: String] {
    guard case .text(let architecture) = metadata[architectureKey] else { return [:] }
    var settings = ["model_type": architecture]
    for (key, name) in names.map({ ("\(architecture).\($0)", $1) }) + tokenizerNames {
      guard let entry = metadata.entry(key), entry.kind != .array, entry.kind != .text else {
        continue
      }
      settings[name] = metadata.shown(entry)
    }
    let pattern = "\(architecture).attention.sliding_window_pattern"
    if case .array(let count) = metadata[pattern], count <= blockLimit,
      let flags = metadata.numbers(pattern)
    {
      settings["layer_types"] =
        flags.map { $0 != 0 ? "sliding_attention" : "full_attention" }.joined(separator: ",")
    }
    if case .text(let kind) = metadata["\(architecture).rope.scaling.type"] {
      settings["rope_scaling.rope_type"] = kind
    }
    if settings["vocab_size"] == nil, case .array(let count) = metadata["tokenizer.ggml.tokens"] {
      settings["vocab_size"] = String(count)
    }
    return settings
  }
}
