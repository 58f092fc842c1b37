/// GPT-2 and nanoGPT: layer norms, learned positions, queries, keys and values in one matrix, an
/// MLP with GELU. (Radford et al., 2019; names as in nanoGPT's and Hugging Face's code.)
enum GPT2: Architecture {
  static let types: Set = ["gpt2", "nanogpt", "gpt"]
  static let title = "GPT-2 and nanoGPT"
  static let gguf: GGUFFamily? = GGUFFamily(
    architecture: "gpt2",
    biases: [
      .attentionNorm, .queryKeyValue, .attentionOutput, .mlpNorm, .up, .down, .finalNorm,
    ], needsBiases: true, fused: [.queryKeyValue], keepsSettings: true)
  /// Heads of this width are assumed when the settings do not count them.
  private static let usualHeadWidth = 64

  static func config(_ settings: Settings, _ facts: Facts) throws(ModelError) -> ModelConfig {
    try refuseVariants(settings)
    let record = try BlockShapeRecord(settings.values)
    let heads = try heads(settings, width: facts.width, record)
    let headWidth = facts.width / heads
    if let stated = try settings.integer("n_layer"), stated != facts.blocks {
      throw ModelError("it has \(facts.blocks) blocks where its settings say \(stated)")
    }
    let hidden = facts.rows(.up, 0) ?? 0
    var config = ModelConfig(
      family: "gpt2", width: facts.width, vocabulary: facts.vocabulary,
      context: try context(settings, positions: facts.positions ?? 0), heads: heads,
      keyValueHeads: heads, headWidth: headWidth, hidden: hidden,
      attention: Array(repeating: ModelConfig.Attention(rope: nil), count: facts.blocks),
      attentionScale: 1 / Float(headWidth).squareRoot())
    config.ownShapes = (0..<facts.blocks).map {
      BlockShape(heads: heads, headWidth: headWidth, hidden: facts.rows(.up, $0) ?? hidden)
    }
    config.hasPositions = true
    config.normKind = .layer
    config.normEpsilon = try epsilon(settings)
    config.isGated = false
    config.activation = try activation(settings)
    config.firstToken = settings.text("bos_token_id").flatMap(Int.init).flatMap {
      0..<facts.vocabulary ~= $0 ? $0 : nil
    }
    return config
  }

  static func names(_ dialect: Dialect) -> NameTable {
    switch dialect {
    case .huggingFace:
      NameTable(
        layers: [
          .attentionNorm: ["ln_1"], .queryKeyValue: ["attn.c_attn"],
          .attentionOutput: ["attn.c_proj"], .mlpNorm: ["ln_2"], .up: ["mlp.c_fc"],
          .down: ["mlp.c_proj"],
        ],
        outside: [
          .tokenEmbedding: ["wte"], .positionEmbedding: ["wpe"], .finalNorm: ["ln_f"],
          .head: ["lm_head"],
        ], stack: "h.", witnesses: ["attn.c_attn.weight"])
    case .llamaCpp: NameTable.usual(dialect).with([:], witnesses: ["attn_qkv.weight"])
    case .meta: NameTable(layers: [:], outside: [:], witnesses: [])
    }
  }

  static func assumption(_ config: ModelConfig, _ settings: Settings) -> String? {
    // The layout of a sliced network says it.
    let countsHeads =
      settings.text("n_head", "num_attention_heads", BlockShapeRecord.key) != nil
    // Of GPT-2 and nanoGPT it is known: their settings say which of them it is.
    let namesGELU = settings.text("activation_function", "model_type", "block_size") != nil
    let heads = "\(config.heads) heads of \(config.headWidth) (--heads sets it)"
    let gelu =
      "\(config.activation == .gelu ? "the exact GELU" : "GELU in its tanh form") "
      + "(--activation sets it)"
    switch (countsHeads, namesGELU) {
    case (true, true): return nil
    case (false, true): return "no setting says how many heads it has: taken are \(heads)"
    case (true, false): return "no setting says which GELU it has: taken is \(gelu)"
    case (false, false):
      return "no setting says how many heads it has and which GELU: taken are \(heads) and \(gelu)"
    }
  }
}

// What only the settings can say.
extension GPT2 {
  private static func heads(
    _ settings: Settings, width: Int, _ record: BlockShapeRecord?
  ) throws(ModelError) -> Int {
    let recorded = try record?.heads(width: width)
    let stated = settings.text("n_head") == nil ? nil : try settings.count("n_head")
    if let heads = stated ?? recorded {
      guard width.isMultiple(of: heads) else {
        throw ModelError("\(heads) heads do not divide its width of \(width)")
      }
      if let recorded, recorded != heads {
        throw ModelError(
          "its settings say \(heads) heads where its \(BlockShapeRecord.key) makes them "
            + "\(recorded)")
      }
      return heads
    }
    guard width.isMultiple(of: usualHeadWidth) else {
      throw ModelError(
        "its settings do not say how many heads it has (n_head), and its width of \(width) "
          + "is no multiple of the usual \(usualHeadWidth); --heads says it")
    }
    return width / usualHeadWidth
  }

  private static func context(
    _ settings: Settings, positions: Int
  ) throws(ModelError) -> Int {
    guard settings.text("block_size") != nil else { return max(positions, 1) }
    return max(min(positions, try settings.count("block_size")), 1)
  }

  /// nanoGPT uses the exact GELU and says nothing; GPT-2 says `gelu_new`, which
  /// is also its default.
  private static func activation(
    _ settings: Settings
  ) throws(ModelError) -> ModelConfig.Activation {
    switch settings.text("activation_function") {
    case "gelu": return .gelu
    case "gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_python_tanh": return .geluTanh
    case nil: return settings.text("model_type") == "gpt2" ? .geluTanh : .gelu
    case let other?: throw ModelError("its activation \(other) is neither gelu nor gelu_new")
    }
  }

  private static func epsilon(_ settings: Settings) throws(ModelError) -> Float {
    guard let text = settings.text("layer_norm_epsilon") else { return 1e-5 }
    guard let value = Float(text), value.isFinite, value > 0 else {
      throw ModelError("its layer_norm_epsilon is \(text)")
    }
    return value
  }

  private static func refuseVariants(_ settings: Settings) throws(ModelError) {
    if settings.text("scale_attn_by_inverse_layer_idx") == "true" {
      throw ModelError("it scales attention by the layer, which is not supported")
    }
    if settings.text("scale_attn_weights") == "false" {
      throw ModelError("it does not scale attention, which is not supported")
    }
  }
}
