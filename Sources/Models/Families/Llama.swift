/// Llama 1 to 3, and what has its form: Mistral, SmolLM 2, Yi, DeepSeek-LLM and others.
/// (Touvron et al., 2023.)
enum Llama: Architecture {
  static let types: Set = ["llama", "mistral", "ministral", "mistral3"]
  static let title = "Llama, Mistral, SmolLM 2"
  static let gguf: GGUFFamily? = GGUFFamily(
    architecture: "llama", types: ["llama", "mistral"], biases: biases,
    ropeDivisors: [.ropeDivisors])
  /// What llama.cpp has biases of.
  static let biases: Set<TensorRole> = [
    .query, .key, .value, .attentionOutput, .gate, .up, .down,
  ]
  static let defaults = [
    "rms_norm_eps": "1e-6", "rope_theta": "10000", "num_experts_per_tok": "2",
  ]

  static func config(_ settings: Settings, _ facts: Facts) throws(ModelError) -> ModelConfig {
    var config = try ModelConfig(settings, facts)
    // llama.cpp calls Mixtral a Llama with experts.
    if let count = try settings.integer("num_local_experts"), count > 0 {
      config.experts = ModelConfig.Experts(
        count: count, active: try settings.count("num_experts_per_tok"),
        hidden: try settings.integer("moe_intermediate_size") ?? config.hidden)
    }
    if settings.text("model_type")?.hasPrefix("mistral") == true
      || settings.text("model_type") == "ministral"
    {
      config.useWindow(try settings.integer("sliding_window"))
    }
    return config
  }
}

extension ModelConfig {
  /// What most families say in the same words. Throws `ModelError`.
  init(
    _ settings: Settings, _ facts: Facts, base: Float = 10_000, epsilon: Float = 1e-6
  ) throws(ModelError) {
    let heads = try settings.count("num_attention_heads", "n_head")
    let width = facts.width
    let usual = facts.rows(.query, 0).map { $0 / heads } ?? width / heads
    let sliced = try BlockShapeRecord(settings.values)?.headSize
    let headWidth = try settings.integer("head_dim") ?? sliced ?? usual
    let context =
      try settings.integer("max_position_embeddings", "block_size", "n_positions") ?? 2048
    let keyValueHeads = try settings.integer("num_key_value_heads") ?? heads
    guard heads <= width, headWidth > 0, headWidth <= 1 << 16, keyValueHeads > 0,
      heads.isMultiple(of: keyValueHeads)
    else {
      throw ModelError(
        "\(heads) heads of \(headWidth) cannot share \(keyValueHeads) heads of keys and values")
    }
    if let stated = try settings.integer("num_hidden_layers", "n_layer"), stated != facts.blocks {
      throw ModelError("it has \(facts.blocks) blocks where its settings say \(stated)")
    }
    if facts.dialect == .huggingFace {
      for (name, found) in [("hidden_size", width), ("vocab_size", facts.vocabulary)] {
        if let stated = settings.text(name), stated != String(found) {
          throw ModelError(
            "its settings say a \(name) of \(stated) where its token embedding says \(found)")
        }
      }
    }
    family = settings.text("model_type") ?? ""
    self.width = width
    vocabulary = facts.vocabulary
    guard context > 0 else { throw ModelError("its settings say a context of 0 tokens") }
    self.context = context
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.headWidth = headWidth
    hidden =
      try settings.integer("intermediate_size") ?? facts.rows(.up, 0) ?? facts.rows(.expertUp, 0)
      ?? 0
    attention = Array(repeating: Attention(), count: facts.blocks)
    attentionScale = 1 / Float(headWidth).squareRoot()
    normEpsilon =
      try settings.number("rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon") ?? epsilon
    activation = try settings.activation(.silu)
    firstToken = try? settings.integer("bos_token_id")
    let share = try settings.number(
      "rope_parameters.partial_rotary_factor", "partial_rotary_factor", "rotary_pct")
    let turned =
      try settings.integer("rotary_dim") ?? share.map { Int(Float(headWidth) * $0) } ?? headWidth
    guard (0...headWidth).contains(turned) else {
      throw ModelError("its rotary embedding turns \(turned) of \(headWidth) channels")
    }
    ropes = [try settings.rope(width: turned, context: self.context, base: base)]
    if case .dynamic(let factor, let original) = ropes[0].scaling {
      self.context = max(self.context, Int(Float(original) * factor))
    }
  }

  /// Gives the blocks of one kind a window, by `layer_types`, or all blocks.
  mutating func useWindow(_ window: Int?, kinds: [String]? = nil) {
    guard let window, window > 0 else { return }
    for block in attention.indices {
      if kinds.map({ block < $0.count && $0[block] == "sliding_attention" }) ?? true {
        attention[block].window = window
      }
    }
  }
}

extension Settings {
  /// The kind of each block, where the settings list them.
  var layerKinds: [String]? {
    text("layer_types").map { $0.split(separator: ",").map(String.init) }
  }
}
