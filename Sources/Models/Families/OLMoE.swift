/// 2024.)
enum OLMoE: Architecture {
  static let types: Set = ["olmoe"]
  static let title = "OLMoE"
  static let gguf: GGUFFamily? = GGUFFamily(
    architecture: "olmoe", needsHead: true, needsAllKeys: true)

  static func config(_ settings: Settings, _ facts: Facts) throws(ModelError) -> ModelConfig {
    var config = try ModelConfig(settings, facts, epsilon: 1e-5)
    config.headNorms = .whole
    if let clip = try settings.number("clip_qkv") {
      throw ModelError("it cuts queries, keys and values at \(clip), which is not supported")
    }
    config.experts = ModelConfig.Experts(
      count: try settings.count("num_experts", "num_local_experts"),
      active: try settings.count("num_experts_per_tok"), hidden: config.hidden,
      normalizes: settings.flag("norm_topk_prob") ?? false)
    return config
  }
}
