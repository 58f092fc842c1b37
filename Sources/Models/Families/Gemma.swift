/// Gemma 2: norms around both halves of a block, capped scores and logits, a window in every
/// other block. (Gemma Team, 2024.)
enum Gemma2: Architecture {
  static let types: Set = ["gemma2"]
  static let title = "Gemma 2"
  static let gguf: GGUFFamily? = GGUFFamily(architecture: "gemma2", windowPeriod: 2)
  static let defaults = [
    "rms_norm_eps": "1e-6", "rope_theta": "10000", "max_position_embeddings": "8192",
    "sliding_window": "4096", "query_pre_attn_scalar": "256", "attn_logit_softcapping": "50",
    "final_logit_softcapping": "30",
  ]

  static func config(_ settings: Settings, _ facts: Facts) throws(ModelError) -> ModelConfig {
    var config = try ModelConfig(gemma: settings, facts)
    let alternating = config.attention.indices.map {
      $0.isMultiple(of: 2) ? "sliding_attention" : "full_attention"
    }
    config.useWindow(
      try settings.integer("sliding_window"), kinds: settings.layerKinds ?? alternating)
    config.attentionCap = try settings.number("attn_logit_softcapping")
    config.logitCap = try settings.number("final_logit_softcapping")
    return config
  }

  static func names(_ dialect: Dialect) -> NameTable { .sandwich(dialect) }
}

/// Gemma 3: norms of the heads, and another rotary base in the blocks with a window.
enum Gemma3: Architecture {
  static let types: Set = ["gemma3", "gemma3_text"]
  static let title = "Gemma 3"
  static let gguf: GGUFFamily? = GGUFFamily(
    architecture: "gemma3", types: ["gemma3_text"], windowPeriod: usualPattern)
  static let defaults = [
    "rms_norm_eps": "1e-6", "rope_theta": "1000000", "rope_local_base_freq": "10000",
    "max_position_embeddings": "131072", "sliding_window": "4096", "query_pre_attn_scalar": "256",
  ]
  /// Every sixth block sees all positions, where no setting says otherwise.
  private static let usualPattern = 6

  static func config(_ settings: Settings, _ facts: Facts) throws(ModelError) -> ModelConfig {
    var config = try ModelConfig(gemma: settings, facts)
    config.headNorms = .perHead
    let pattern =
      try settings.integer("sliding_window_pattern", "_sliding_window_pattern") ?? usualPattern
    let kinds =
      settings.layerKinds
      ?? config.attention.indices.map {
        ($0 + 1).isMultiple(of: max(pattern, 1)) ? "full_attention" : "sliding_attention"
      }
    config.useWindow(try settings.integer("sliding_window"), kinds: kinds)
    let width = config.ropes[0].width
    let full = try settings.rope(
      width: width, context: config.context, base: 1_000_000, kind: "full_attention")
    var local = Rope(base: try settings.number("rope_local_base_freq") ?? 10_000, width: width)
    if settings.text("rope_parameters.sliding_attention.rope_theta") != nil {
      local = try settings.rope(
        width: width, context: config.context, kind: "sliding_attention")
    }
    config.ropes = [full, local]
    for block in config.attention.indices {
      let isLocal = block < kinds.count && kinds[block] == "sliding_attention"
      config.attention[block].rope = isLocal ? 1 : 0
    }
    config.attentionCap = try settings.number("attn_logit_softcapping")
    config.logitCap = try settings.number("final_logit_softcapping")
    return config
  }

  static func names(_ dialect: Dialect) -> NameTable { .sandwich(dialect) }
}

extension ModelConfig {
  fileprivate init(gemma settings: Settings, _ facts: Facts) throws(ModelError) {
    try self.init(settings, facts)
    norms = .both
    normOffset = NormOffset.of(type: family, in: facts.dialect) ?? 0
    activation = try settings.activation(.geluTanh)
    embeddingScale = Float(width).squareRoot()
    // llama.cpp tells the largest of both generations by their blocks.
    if facts.dialect == .llamaCpp, [46, 62].contains(blocks) {
      attentionScale = 1 / (Float(width) / Float(heads)).squareRoot()
    }
    if let scalar = try settings.number("query_pre_attn_scalar"), scalar > 0 {
      attentionScale = 1 / scalar.squareRoot()
    }
  }
}

extension NameTable {
  /// Names of families with norms around both halves of a block.
  static func sandwich(_ dialect: Dialect) -> NameTable {
    let table = usual(dialect)
    guard dialect == .huggingFace else { return table }
    return table.with([
      .attentionPostNorm: ["post_attention_layernorm"],
      .mlpNorm: ["pre_feedforward_layernorm"], .mlpPostNorm: ["post_feedforward_layernorm"],
    ])
  }
}
