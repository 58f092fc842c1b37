/// (OLMo Team, 2025.)
enum OLMo2: Architecture {
  static let types: Set = ["olmo2"]
  static let title = "OLMo 2"
  static let gguf: GGUFFamily? = GGUFFamily(architecture: "olmo2", needsHead: true)

  static func config(_ settings: Settings, _ facts: Facts) throws(ModelError) -> ModelConfig {
    var config = try ModelConfig(settings, facts, epsilon: 1e-5)
    config.norms = .behind
    config.headNorms = .whole
    return config
  }

  static func names(_ dialect: Dialect) -> NameTable { .sandwich(dialect) }
}
