/// What stands beside a checkpoint, or in its settings, and not in the file made of it.
enum LeftBehind {
  /// Files of a tokenizer that only the folder has.
  private static let files = [
    "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json",
    "vocab.json", "merges.txt", "chat_template.jinja", "chat_template.json",
  ]

  /// The tokenizer's files beside a checkpoint, which safetensors and PyTorch files do not
  /// hold.
  static func files(beside path: String?) -> [SaveLoss] {
    let names = found(beside: path)
    return names.isEmpty
      ? [] : [SaveLoss(.file, from: names.joined(separator: ", "), count: names.count)]
  }

  private static func found(beside path: String?) -> [String] {
    guard let path else { return [] }
    let folder = FilePath.folder(path)
    return files.filter { FileIdentity(path: folder + $0) != nil }
  }
}

// MARK: - In GGUF

extension LeftBehind {
  /// Settings of `config.json` and where a GGUF file has them, behind the architecture's name
  /// or whole; nil where the tensors have them.
  private static let places: [String: [String]?] = [
    "model_type": nil, "n_layer": nil, "num_hidden_layers": nil, "n_embd": nil,
    "hidden_size": nil, "vocab_size": nil, "n_inner": nil, "intermediate_size": nil,
    "moe_intermediate_size": nil, "shared_expert_intermediate_size": nil,
    "num_experts": nil, "num_local_experts": nil, "tie_word_embeddings": nil,
    "n_head": ["attention.head_count"], "num_attention_heads": ["attention.head_count"],
    "num_key_value_heads": ["attention.head_count_kv"], "head_dim": ["attention.key_length"],
    "block_size": ["context_length"], "n_positions": ["context_length"],
    "n_ctx": ["context_length"], "max_position_embeddings": ["context_length"],
    "num_experts_per_tok": ["expert_used_count"],
    "rms_norm_eps": ["attention.layer_norm_rms_epsilon"],
    "layer_norm_epsilon": ["attention.layer_norm_epsilon"],
    "rope_theta": ["rope.freq_base"], "rope_local_base_freq": ["rope.freq_base_swa"],
    "sliding_window": ["attention.sliding_window"], "layer_types": ["attention.sliding_window"],
    "sliding_window_pattern": ["attention.sliding_window"],
    "_sliding_window_pattern": ["attention.sliding_window"],
    "final_logit_softcapping": ["final_logit_softcapping"], "query_pre_attn_scalar": nil,
    "bos_token_id": ["tokenizer.ggml.bos_token_id"],
    "eos_token_id": ["tokenizer.ggml.eos_token_id"],
    "pad_token_id": ["tokenizer.ggml.padding_token_id"],
    "unk_token_id": ["tokenizer.ggml.unknown_token_id"],
  ]

  /// What a file of these pairs does not hold: settings of a model of llama.cpp's, as
  /// `family` computes them, the tokenizer, the chat template.
  static func losses(
    of checkpoint: Checkpoint, pairs: [GGUFPair], family: LlamaFamily?
  ) -> [SaveLoss] {
    let keys = Set(pairs.map(\.key))
    var losses = family.map { settings(checkpoint.configuration, keys, $0) } ?? []
    let files = found(beside: checkpoint.path)
    let hasTokens = keys.contains("tokenizer.ggml.tokens")
    if !hasTokens, files.contains(where: { $0.hasPrefix("tokenizer.") || $0 == "vocab.json" }) {
      losses.append(SaveLoss(.metadata, from: "the tokenizer"))
    }
    let folder = try? TokenizerFolder(beside: checkpoint.path)
    let hasTemplate = folder?.chatTemplate != nil || files.contains { $0.hasPrefix("chat_") }
    if hasTemplate, !keys.contains("tokenizer.chat_template") {
      losses.append(SaveLoss(.metadata, from: "the chat template"))
    }
    return losses
  }

  private static func settings(
    _ settings: [String: String], _ keys: Set<String>, _ family: LlamaFamily
  ) -> [SaveLoss] {
    if keys.contains(MetadataConventions.configuration) { return [] }
    let left = settings.keys.filter { name in
      if family.assumed[name] != nil || name.hasPrefix("pare.") { return false }
      if name.hasPrefix("rope_scaling.") || name.hasPrefix("rope_parameters.") {
        return !keys.contains { $0.contains(".rope.") }
      }
      guard let places = places[name] else { return true }
      return places.map { names in
        !names.contains { keys.contains($0) || keys.contains("\(family.architecture).\($0)") }
      } ?? false
    }.sorted()
    guard !left.isEmpty else { return [] }
    let shown = 8
    let rest = left.count > shown ? " and \(left.count - shown) more" : ""
    return [
      SaveLoss(
        .metadata, from: left.prefix(shown).joined(separator: ", ") + rest, count: left.count)
    ]
  }
}
