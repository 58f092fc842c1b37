/// Granite 3: Llama with multipliers. (Granite Team, 2024.)
enum Granite: Architecture {
  static let types: Set = ["granite"]
  static let title = "Granite 3"
  static let gguf: GGUFFamily? = GGUFFamily(
    architecture: "granite", biases: Llama.biases, ropeDivisors: [.ropeDivisors],
    hasMultipliers: true)

  static func config(_ settings: Settings, _ facts: Facts) throws(ModelError) -> ModelConfig {
    var config = try ModelConfig(settings, facts)
    config.embeddingScale = try settings.number("embedding_multiplier") ?? 1
    config.residualScale = try settings.number("residual_multiplier") ?? 1
    let usual = facts.dialect == .huggingFace ? 1 : config.attentionScale
    config.attentionScale = try settings.number("attention_multiplier") ?? usual
    let divisor = try settings.number("logits_scaling") ?? 1
    guard divisor != 0 else { throw ModelError("its logits_scaling is 0") }
    config.logitScale = 1 / divisor
    return config
  }
}
