/// SmolLM 3: every fourth block turns nothing.
enum SmolLM3: Architecture {
  static let types: Set = ["smollm3"]
  static let title = "SmolLM 3"
  static let gguf: GGUFFamily? = GGUFFamily(architecture: "smollm3")

  static func config(_ settings: Settings, _ facts: Facts) throws(ModelError) -> ModelConfig {
    var config = try ModelConfig(settings, facts, base: 2_000_000)
    let interval = max(try settings.integer("no_rope_layer_interval") ?? 4, 1)
    // 1 stands for a block that turns.
    let turns = try settings.numbers("no_rope_layers")
    for block in config.attention.indices {
      let isTurned =
        turns.map { block < $0.count && $0[block] != 0 } ?? !(block + 1).isMultiple(of: interval)
      config.attention[block].rope = isTurned ? 0 : nil
    }
    if settings.flag("use_sliding_window") == true {
      config.useWindow(try settings.integer("sliding_window"), kinds: settings.layerKinds)
    }
    return config
  }
}
