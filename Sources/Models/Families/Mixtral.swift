/// Mixtral: Mistral with experts. (Jiang et al., 2024.)
enum Mixtral: Architecture {
  static let types: Set = ["mixtral"]
  static let title = "Mixtral"
  static let gguf = Llama.gguf.map { llama in
    var mixtral = llama
    mixtral.types = nil
    return mixtral
  }
  static let defaults = Llama.defaults

  static func config(_ settings: Settings, _ facts: Facts) throws(ModelError) -> ModelConfig {
    var config = try ModelConfig(settings, facts, base: 1_000_000, epsilon: 1e-5)
    config.experts = ModelConfig.Experts(
      count: try settings.count("num_local_experts", "num_experts"),
      active: try settings.count("num_experts_per_tok"), hidden: config.hidden)
    config.useWindow(try settings.integer("sliding_window"))
    return config
  }
}
