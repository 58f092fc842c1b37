/// (Black et al., 2022.)
enum GPTNeoX: Architecture {
  static let types: Set = ["gpt_neox", "gptneox"]
  static let title = "GPT-NeoX and Pythia"
  static let gguf: GGUFFamily? = GGUFFamily(
    architecture: "gptneox",
    biases: [
      .attentionNorm, .queryKeyValue, .attentionOutput, .mlpNorm, .up, .down, .finalNorm,
    ], needsBiases: true, fused: [.queryKeyValue], needsHead: true, hasParallelResidual: true)
  private static let usualShare: Float = 0.25

  static func config(_ settings: Settings, _ facts: Facts) throws(ModelError) -> ModelConfig {
    var config = try ModelConfig(settings, facts)
    config.normKind = .layer
    config.normEpsilon = try settings.number("layer_norm_eps", "layer_norm_epsilon") ?? 1e-5
    config.isParallel = settings.flag("use_parallel_residual") ?? true
    config.isGated = false
    config.activation = try settings.activation(.gelu)
    let share = try settings.number(
      "rope_parameters.partial_rotary_factor", "partial_rotary_factor", "rotary_pct")
    let turned =
      try settings.integer("rotary_dim") ?? Int(Float(config.headWidth) * (share ?? usualShare))
    let base = try settings.number("rotary_emb_base") ?? 10_000
    config.ropes = [try settings.rope(width: turned, context: config.context, base: base)]
    return config
  }

  static func names(_ dialect: Dialect) -> NameTable {
    guard dialect == .huggingFace else { return .usual(dialect) }
    return NameTable.usual(dialect).with(
      [
        .queryKeyValue: ["attention.query_key_value"], .attentionOutput: ["attention.dense"],
        .up: ["mlp.dense_h_to_4h"], .down: ["mlp.dense_4h_to_h"],
      ],
      outside: [
        .tokenEmbedding: ["embed_in"], .finalNorm: ["final_layer_norm"], .head: ["embed_out"],
      ], witnesses: ["attention.dense.weight"])
  }

  /// llama.cpp's converter sorts them.
  static func isHeadwise(_ dialect: Dialect) -> Bool { dialect == .huggingFace }
}
