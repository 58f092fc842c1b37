/// (OpenAI, 2025.)
enum GPTOSS: Architecture {
  static let types: Set = ["gpt_oss", "gpt-oss"]
  static let title = "gpt-oss"

  static func config(_ settings: Settings, _ facts: Facts) throws(ModelError) -> ModelConfig {
    var config = try ModelConfig(settings, facts, base: 150_000, epsilon: 1e-5)
    // llama.cpp has no word for it; all models of the family say so.
    if facts.dialect == .llamaCpp,
      case .yarn(let factor, let fast, let slow, let original, _) = config.ropes[0].scaling
    {
      config.ropes[0].scaling = .yarn(
        factor: factor, fast: fast, slow: slow, original: original, truncates: false)
    }
    config.hasSinks = true
    config.activation = .clippedSwiGLU
    if let limit = try settings.number("swiglu_limit"), limit != 7 {
      throw ModelError("its swiglu_limit is \(limit) and not 7, which is not supported")
    }
    config.experts = ModelConfig.Experts(
      count: try settings.count("num_local_experts", "num_experts"),
      active: try settings.count("num_experts_per_tok", "experts_per_token"),
      hidden: try settings.integer("moe_intermediate_size") ?? config.hidden, choosesFirst: true)
    let alternating = config.attention.indices.map {
      $0.isMultiple(of: 2) ? "sliding_attention" : "full_attention"
    }
    config.useWindow(
      try settings.integer("sliding_window"), kinds: settings.layerKinds ?? alternating)
    return config
  }

  static func names(_ dialect: Dialect) -> NameTable {
    guard dialect == .llamaCpp else { return .usual(dialect) }
    return NameTable.usual(dialect).with([
      .attentionPostNorm: [], .mlpNorm: ["post_attention_norm", "ffn_norm"],
    ])
  }
}
