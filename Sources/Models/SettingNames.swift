/// What files call the settings of a model. Where a file has several names for one, all of them
/// are read, and the first is the one that the rest of the program asks for.
public struct SettingNames: Sendable {
  /// In GGUF files behind `ARCHITECTURE.`, or whole where it begins with `tokenizer.`; nil where
  /// llama.cpp has no word for it.
  let gguf: String?
  /// In `config.json`, nanoGPT's word first and that of newer models last.
  let names: [String]
  /// In `params.json` of Meta's and Mistral's own files.
  var meta: String?
  /// Whether a GGUF file's tensors or its architecture say it, so that nothing is lost without it.
  var isImplied = false

  static let all = [
    SettingNames(gguf: nil, names: ["model_type"], isImplied: true),
    SettingNames(
      gguf: "block_count", names: ["n_layer", "num_hidden_layers"], meta: "n_layers",
      isImplied: true),
    SettingNames(
      gguf: "embedding_length", names: ["n_embd", "hidden_size"], meta: "dim", isImplied: true),
    SettingNames(
      gguf: "attention.head_count", names: ["n_head", "num_attention_heads"], meta: "n_heads"),
    SettingNames(
      gguf: "attention.head_count_kv", names: ["num_key_value_heads"], meta: "n_kv_heads"),
    SettingNames(gguf: "attention.key_length", names: ["head_dim"], meta: "head_dim"),
    SettingNames(
      gguf: "context_length",
      names: ["block_size", "n_positions", "n_ctx", "max_position_embeddings"],
      meta: "max_seq_len"),
    SettingNames(gguf: "vocab_size", names: ["vocab_size"], meta: "vocab_size", isImplied: true),
    SettingNames(
      gguf: nil, names: ["tie_word_embeddings"], meta: "tied_embeddings", isImplied: true),
    SettingNames(
      gguf: "feed_forward_length", names: ["intermediate_size"], meta: "hidden_dim",
      isImplied: true),
    SettingNames(gguf: nil, names: ["n_inner"], isImplied: true),
    SettingNames(gguf: nil, names: ["hidden_act"], isImplied: true),
    SettingNames(gguf: nil, names: ["hidden_activation"], isImplied: true),
    SettingNames(gguf: nil, names: ["activation_function"], isImplied: true),
    SettingNames(gguf: "attention.layer_norm_epsilon", names: ["layer_norm_epsilon"]),
    SettingNames(
      gguf: "attention.layer_norm_rms_epsilon", names: ["rms_norm_eps"], meta: "norm_eps"),
    SettingNames(gguf: "attention.scale", names: ["attention_multiplier"]),
    SettingNames(gguf: nil, names: ["query_pre_attn_scalar"], isImplied: true),
    SettingNames(gguf: nil, names: ["scale_attn_weights"], isImplied: true),
    SettingNames(gguf: nil, names: ["scale_attn_by_inverse_layer_idx"], isImplied: true),
    SettingNames(
      gguf: "attention.sliding_window", names: ["sliding_window"], meta: "sliding_window"),
    SettingNames(
      gguf: "attention.sliding_window_pattern",
      names: ["sliding_window_pattern", "_sliding_window_pattern"]),
    SettingNames(gguf: nil, names: ["use_sliding_window"], isImplied: true),
    SettingNames(gguf: "attn_logit_softcapping", names: ["attn_logit_softcapping"]),
    SettingNames(gguf: "final_logit_softcapping", names: ["final_logit_softcapping"]),
    SettingNames(gguf: "embedding_scale", names: ["embedding_multiplier"]),
    SettingNames(gguf: "logit_scale", names: ["logits_scaling"]),
    SettingNames(gguf: "residual_scale", names: ["residual_multiplier"]),
    SettingNames(gguf: "use_parallel_residual", names: ["use_parallel_residual"]),
    SettingNames(
      gguf: "expert_count", names: ["num_local_experts"], meta: "num_experts", isImplied: true),
    SettingNames(gguf: nil, names: ["num_experts"], isImplied: true),
    SettingNames(
      gguf: "expert_used_count", names: ["num_experts_per_tok"], meta: "num_experts_per_tok"),
    SettingNames(
      gguf: "expert_feed_forward_length", names: ["moe_intermediate_size"], isImplied: true),
    SettingNames(
      gguf: "expert_shared_feed_forward_length", names: ["shared_expert_intermediate_size"],
      isImplied: true),
    SettingNames(gguf: nil, names: ["norm_topk_prob"], isImplied: true),
    SettingNames(gguf: "rope.dimension_count", names: ["rotary_dim"]),
    SettingNames(gguf: nil, names: ["partial_rotary_factor"], isImplied: true),
    SettingNames(gguf: "rope.freq_base", names: ["rope_theta"], meta: "rope_theta"),
    SettingNames(gguf: "rope.freq_base_swa", names: ["rope_local_base_freq"]),
    SettingNames(gguf: "rope.scaling.factor", names: ["rope_scaling.factor"]),
    SettingNames(gguf: "rope.scaling.attn_factor", names: ["rope_scaling.attention_factor"]),
    SettingNames(
      gguf: "rope.scaling.original_context_length",
      names: ["rope_scaling.original_max_position_embeddings"]),
    SettingNames(gguf: "rope.scaling.yarn_beta_fast", names: ["rope_scaling.beta_fast"]),
    SettingNames(gguf: "rope.scaling.yarn_beta_slow", names: ["rope_scaling.beta_slow"]),
    SettingNames(gguf: "tokenizer.ggml.bos_token_id", names: ["bos_token_id"]),
    SettingNames(gguf: "tokenizer.ggml.eos_token_id", names: ["eos_token_id"]),
    SettingNames(gguf: "tokenizer.ggml.padding_token_id", names: ["pad_token_id"]),
    SettingNames(gguf: "tokenizer.ggml.unknown_token_id", names: ["unk_token_id"]),
  ]

  /// Settings taken from plain metadata when they stand there by themselves.
  public static let plain: Set = [
    "n_layer", "n_head", "n_embd", "block_size", "vocab_size", "bias", "dropout", "model_type",
    "activation_function", "layer_norm_epsilon", "n_positions", "n_ctx", "n_inner",
    "tie_word_embeddings",
  ]
  /// Objects of `config.json` that say what a model computes.
  public static let nested: Set = [
    "rope_parameters", "rope_scaling", full, sliding,
  ]
  /// Lists of `config.json` that do.
  public static let lists: Set = [
    kinds, "short_factor", "long_factor", "no_rope_layers", "mlp_only_layers",
  ]

  /// Its key in a GGUF file.
  func key(_ architecture: String) -> String? {
    gguf.map { $0.hasPrefix("tokenizer.") ? $0 : "\(architecture).\($0)" }
  }
}

// MARK: - What files say

extension SettingNames {
  private static let modelType = "model_type"
  private static let kinds = "layer_types"
  private static let (sliding, full) = ("sliding_attention", "full_attention")
  private static let pattern = "attention.sliding_window_pattern"

  /// Settings of a GGUF file of an architecture. `number` gives the values that are one number,
  /// `text` those that are text, `flags` lists. Settings that differ between blocks, lists in the
  /// file, are left out; but not which of them have a window.
  public static func configuration(
    ofGGUF architecture: String, number: (String) -> String?, text: (String) -> String?,
    flags: (String) -> [Bool]?
  ) -> [String: String] {
    var settings = [modelType: architecture]
    for setting in all {
      if let key = setting.key(architecture), let value = number(key) {
        settings[setting.names[0]] = value
      }
    }
    if let flags = flags("\(architecture).\(pattern)") {
      settings[kinds] = flags.map { $0 ? sliding : full }.joined(separator: ",")
    }
    if let kind = text("\(architecture).rope.scaling.type") {
      settings["rope_scaling.rope_type"] = kind
    }
    return settings
  }

  /// The settings that a file of these would say.
  static func configuration(
    of settings: [GGUFSetting], _ architecture: String
  ) -> [String: String] {
    let values = Dictionary(
      settings.map { ("\(architecture).\($0.key)", $0.value) }, uniquingKeysWith: { $1 })
    return configuration(
      ofGGUF: architecture,
      number: { key in
        switch values[key] {
        case .count(let count): "\(count)"
        case .number(let number): "\(number)"
        case .flag(let flag): "\(flag)"
        case .text, .flags, nil: nil
        }
      },
      text: { if case .text(let text) = values[$0] { text } else { nil } },
      flags: { if case .flags(let flags) = values[$0] { flags } else { nil } })
  }

  /// Whether settings say what llama.cpp calls so, under any name.
  static func areStated(_ gguf: String, _ settings: [String: String]) -> Bool {
    all.contains { $0.gguf == gguf && $0.names.contains { settings[$0] != nil } }
  }

  /// Whether settings say what one is, under any name and in any object.
  static func isStated(_ name: String, _ settings: [String: String]) -> Bool {
    let names = all.first { $0.names.contains(name) }?.names ?? [name]
    if names.contains(where: { settings[$0] != nil }) { return true }
    switch name {
    case "rope_theta", "rope_local_base_freq":
      let kind = name == "rope_theta" ? "full_attention" : "sliding_attention"
      return ["", "\(kind)."].contains { settings["rope_parameters.\($0)rope_theta"] != nil }
    case "sliding_window_pattern": return settings[kinds] != nil
    default: return false
    }
  }

  /// Settings of Meta's and Mistral's own files under the names that `config.json` has for them;
  /// none of a file that does not say the two that all of them say.
  public static func configuration(ofMeta given: [String: String]) -> [String: String] {
    guard given["dim"] != nil, given["n_heads"] != nil else { return [:] }
    var settings = [modelType: "llama"]
    for setting in all {
      if let meta = setting.meta, let name = setting.names.last { settings[name] = given[meta] }
    }
    // Meta counts no words in the settings of some files.
    if settings["vocab_size"].flatMap({ Int($0) }) ?? 1 <= 0 { settings["vocab_size"] = nil }
    return settings
  }

  /// Adds nanoGPT's name for what Hugging Face calls otherwise.
  public static func complete(_ settings: inout [String: String]) {
    for setting in all where settings[setting.names[0]] == nil {
      if let other = setting.names.first(where: { settings[$0] != nil }) {
        settings[setting.names[0]] = settings[other]
      }
    }
  }

  /// The settings that are neither in a GGUF file of these keys nor implied by its tensors and its
  /// architecture.
  public static func lost(
    _ settings: some Sequence<String>, in keys: Set<String>, architecture: String
  ) -> [String] {
    let places = Dictionary(
      all.flatMap { setting in setting.names.map { ($0, setting) } },
      uniquingKeysWith: { first, _ in first })
    return settings.filter { name in
      if name.hasPrefix("rope_scaling.") || name.hasPrefix("rope_parameters.")
        || name == "original_max_position_embeddings"
      {
        return !keys.contains { $0.contains(".rope.") }
      }
      // Which blocks have a window is written where it is not the usual pattern.
      if name == kinds || name.hasSuffix("sliding_window_pattern") {
        return !keys.contains("\(architecture).attention.sliding_window")
      }
      guard let setting = places[name] else { return true }
      return !setting.isImplied && !(setting.key(architecture).map { keys.contains($0) } ?? false)
    }
  }
}
