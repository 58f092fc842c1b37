/// Phi-3 and 3.5: queries, keys and values are rows of one matrix, gate and up of another. (Abdin
/// et al., 2024.)
enum Phi3: Architecture {
  static let types: Set = ["phi3"]
  static let title = "Phi-3"
  static let gguf: GGUFFamily? = GGUFFamily(
    architecture: "phi3", fused: [.queryKeyValue, .gateUp],
    ropeDivisors: [.shortRopeDivisors, .longRopeDivisors])

  static func config(_ settings: Settings, _ facts: Facts) throws(ModelError) -> ModelConfig {
    var config = try ModelConfig(settings, facts, epsilon: 1e-5)
    config.useWindow(try settings.integer("sliding_window"))
    // llama.cpp has LongRoPE's factors as tensors, and no word for its kind.
    if facts.dialect == .llamaCpp,
      let original = try settings.integer("rope_scaling.original_max_position_embeddings")
    {
      config.ropes[0].scaling = .longRope(short: [], long: [], original: original)
      config.ropes[0].factor = try settings.number("rope_scaling.attention_factor") ?? 1
    }
    return config
  }

  static func names(_ dialect: Dialect) -> NameTable {
    guard dialect == .llamaCpp else { return .usual(dialect) }
    return NameTable.usual(dialect).with([.gate: [], .up: [], .gateUp: ["ffn_up"]])
  }
}
