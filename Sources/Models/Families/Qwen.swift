/// Qwen 1.5, 2 and 2.5: Llama with biases of queries, keys and values. (Yang et al., 2024.)
enum Qwen2: Architecture {
  static let types: Set = ["qwen2"]
  static let title = "Qwen 2 and 2.5"
  static let gguf: GGUFFamily? = GGUFFamily(
    architecture: "qwen2", biases: [.query, .key, .value, .head])
  static let defaults = ["rms_norm_eps": "1e-6", "rope_theta": "10000"]

  static func config(_ settings: Settings, _ facts: Facts) throws(ModelError) -> ModelConfig {
    var config = try ModelConfig(settings, facts)
    try config.useQwenWindow(settings)
    return config
  }
}

/// Qwen 3: norms of the heads in place of biases. (Yang et al., 2025.)
enum Qwen3: Architecture {
  static let types: Set = ["qwen3"]
  static let title = "Qwen 3"
  static let gguf: GGUFFamily? = GGUFFamily(architecture: "qwen3")
  static let defaults = Qwen2.defaults

  static func config(_ settings: Settings, _ facts: Facts) throws(ModelError) -> ModelConfig {
    var config = try ModelConfig(settings, facts)
    config.headNorms = .perHead
    try config.useQwenWindow(settings)
    return config
  }
}

/// Qwen 1.5 and 2 with experts, one of them shared.
enum Qwen2MoE: Architecture {
  static let types: Set = ["qwen2_moe", "qwen2moe"]
  static let title = "Qwen 2 MoE"
  static let gguf: GGUFFamily? = GGUFFamily(architecture: "qwen2moe")
  static let defaults = Qwen2.defaults.merging(["num_experts_per_tok": "4"]) { $1 }

  static func config(_ settings: Settings, _ facts: Facts) throws(ModelError) -> ModelConfig {
    var config = try ModelConfig(settings, facts)
    try config.useQwenExperts(settings, facts, normalizes: false)
    config.experts?.shared =
      try settings.integer("shared_expert_intermediate_size") ?? facts.rows(.sharedUp, 0) ?? 0
    if settings.layerKinds == nil, settings.flag("use_sliding_window") == true {
      let end = try settings.integer("max_window_layers") ?? config.blocks
      let kinds = config.attention.indices.map {
        $0.isMultiple(of: 2) && $0 < end ? "sliding_attention" : "full_attention"
      }
      config.useWindow(try settings.integer("sliding_window"), kinds: kinds)
    } else {
      try config.useQwenWindow(settings)
    }
    return config
  }
}

/// Qwen 3 with experts.
enum Qwen3MoE: Architecture {
  static let types: Set = ["qwen3_moe", "qwen3moe"]
  static let title = "Qwen 3 MoE"
  static let gguf: GGUFFamily? = GGUFFamily(architecture: "qwen3moe")
  static let defaults = Qwen2.defaults.merging(["num_experts_per_tok": "8"]) { $1 }

  static func config(_ settings: Settings, _ facts: Facts) throws(ModelError) -> ModelConfig {
    var config = try ModelConfig(settings, facts)
    config.headNorms = .perHead
    // llama.cpp always has them add up to 1.
    try config.useQwenExperts(settings, facts, normalizes: facts.dialect == .llamaCpp)
    if settings.layerKinds != nil || settings.flag("use_sliding_window") == true {
      config.useWindow(try settings.integer("sliding_window"), kinds: settings.layerKinds)
    }
    return config
  }
}

extension ModelConfig {
  /// The blocks from `max_window_layers` on have a window, where it is in use.
  fileprivate mutating func useQwenWindow(_ settings: Settings) throws(ModelError) {
    if let kinds = settings.layerKinds {
      useWindow(try settings.integer("sliding_window"), kinds: kinds)
    } else if settings.flag("use_sliding_window") == true {
      let first = try settings.integer("max_window_layers") ?? 0
      let kinds = attention.indices.map { $0 < first ? "full_attention" : "sliding_attention" }
      useWindow(try settings.integer("sliding_window"), kinds: kinds)
    }
  }

  fileprivate mutating func useQwenExperts(
    _ settings: Settings, _ facts: Facts, normalizes: Bool
  ) throws(ModelError) {
    let stated = try settings.integer("moe_intermediate_size") ?? facts.rows(.expertUp, 0)
    guard let stated else { throw ModelError("no setting says moe_intermediate_size") }
    experts = Experts(
      count: try settings.count("num_experts", "num_local_experts"),
      active: try settings.count("num_experts_per_tok"), hidden: stated,
      normalizes: settings.flag("norm_topk_prob") ?? normalizes)
    let step = max(try settings.integer("decoder_sparse_step") ?? 1, 1)
    let named = Set((try settings.numbers("mlp_only_layers") ?? []).map { Int($0) })
    denseBlocks = Set(
      attention.indices.filter { named.contains($0) || ($0 + 1) % step != 0 })
  }
}
