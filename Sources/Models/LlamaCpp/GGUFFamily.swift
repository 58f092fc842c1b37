/// What llama.cpp makes of a family that `ModelConfig` does not say.
public struct GGUFFamily: Sendable {
  /// `general.architecture`.
  public var architecture: String
  /// `model_type` of the models that are written so; nil for all of the family.
  var types: Set<String>?
  /// Layers whose biases it has a place for.
  var biases: Set<TensorRole> = [.query, .key, .value]
  /// Whether it asks for all of those, so that zeros are written where there are none.
  public var needsBiases = false
  /// Layers that it has as one matrix.
  var fused: Set<TensorRole> = []
  /// The tensors of divisors of the rotary frequencies that it reads.
  var ropeDivisors: Set<TensorRole> = []
  /// Whether blocks may attend to a window only; the last of so many sees everything, where the
  /// file does not say.
  var windowPeriod: Int?
  /// Whether it reads multipliers of embeddings, scores, residuals and logits.
  var hasMultipliers = false
  /// Whether it asks for a head also where that is the token embedding.
  var needsHead = false
  /// Whether each head of queries has to have keys and values of its own.
  var needsAllKeys = false
  /// Whether its blocks may add attention and MLP side by side.
  var hasParallelResidual = false
  /// Whether Pare's settings are written beside llama.cpp's, which has no words for all of them.
  public var keepsSettings = false
}

/// A setting of a GGUF file, behind `ARCHITECTURE.`.
public struct GGUFSetting: Sendable, Hashable {
  public enum Value: Sendable, Hashable {
    case count(Int)
    case number(Float)
    case text(String)
    case flag(Bool)
    case flags([Bool])
  }

  public let key: String
  public let value: Value

  init(_ key: String, _ value: Value) { (self.key, self.value) = (key, value) }
}

extension ModelConfig {
  /// The settings of a GGUF file in llama.cpp's words. `settings` are those that this was made of.
  func ggufSettings(
    _ family: GGUFFamily, _ settings: Settings
  ) throws(ModelError) -> [GGUFSetting] {
    var list = [
      GGUFSetting("block_count", .count(blocks)), GGUFSetting("context_length", .count(context)),
      GGUFSetting("embedding_length", .count(width)), GGUFSetting("vocab_size", .count(vocabulary)),
      GGUFSetting("attention.head_count", .count(heads)),
    ]
    func add(_ key: String, _ value: GGUFSetting.Value) { list.append(GGUFSetting(key, value)) }
    if !ropes.isEmpty {
      add("attention.head_count_kv", .count(keyValueHeads))
      add("attention.key_length", .count(headWidth))
      add("attention.value_length", .count(headWidth))
    }
    let norm = normKind == .layer ? "layer_norm_epsilon" : "layer_norm_rms_epsilon"
    add("attention.\(norm)", .number(normEpsilon))
    let hasDense = attention.indices.contains { experts(of: $0) == nil }
    add("feed_forward_length", .count(hasDense ? hidden : experts?.hidden ?? hidden))
    if let experts {
      add("expert_count", .count(experts.count))
      add("expert_used_count", .count(experts.active))
      if family.architecture != "llama" {
        add("expert_feed_forward_length", .count(experts.hidden))
      }
      if experts.shared > 0 { add("expert_shared_feed_forward_length", .count(experts.shared)) }
    }
    if let period = family.windowPeriod, let window = attention.lazy.compactMap(\.window).first {
      add("attention.sliding_window", .count(window))
      let pattern = attention.map { $0.window != nil }
      if pattern != pattern.indices.map({ !($0 + 1).isMultiple(of: period) }) {
        add("attention.sliding_window_pattern", .flags(pattern))
      }
    }
    if let attentionCap { add("attn_logit_softcapping", .number(attentionCap)) }
    if let logitCap { add("final_logit_softcapping", .number(logitCap)) }
    if family.hasParallelResidual { add("use_parallel_residual", .flag(isParallel)) }
    if family.hasMultipliers {
      add("attention.scale", .number(attentionScale))
      add("embedding_scale", .number(embeddingScale))
      add("residual_scale", .number(residualScale))
      add("logit_scale", .number(1 / logitScale))
    }
    return list + (try ropeSettings(family, settings))
  }

  private func ropeSettings(
    _ family: GGUFFamily, _ settings: Settings
  ) throws(ModelError) -> [GGUFSetting] {
    guard let rope = ropes.first else { return [] }
    var list = [
      GGUFSetting("rope.dimension_count", .count(rope.width)),
      GGUFSetting("rope.freq_base", .number(rope.base)),
    ]
    if ropes.count > 1 { list.append(GGUFSetting("rope.freq_base_swa", .number(ropes[1].base))) }
    func scaling(_ values: [(String, GGUFSetting.Value)]) {
      list += values.map { GGUFSetting("rope.scaling.\($0)", $1) }
    }
    switch rope.scaling {
    case .none, .dynamic, .llama3: break
    case .longRope(_, _, let original):
      guard family.ropeDivisors.contains(.longRopeDivisors) else { break }
      scaling([
        ("original_context_length", .count(original)), ("attn_factor", .number(rope.factor)),
      ])
    case .linear(let factor): scaling([("type", .text("linear")), ("factor", .number(factor))])
    case .yarn(let factor, let fast, let slow, let original, _):
      scaling([
        ("type", .text("yarn")), ("factor", .number(factor)),
        ("original_context_length", .count(original)), ("yarn_beta_fast", .number(fast)),
        ("yarn_beta_slow", .number(slow)),
      ])
      let said = try settings.number(
        "rope_parameters.attention_factor", "rope_scaling.attention_factor")
      if let said { scaling([("yarn_attn_factor", .number(said))]) }
    }
    return list
  }
}

extension Rope {
  /// What each frequency is divided by, where a scaling is written as tensors.
  var divisors: [TensorRole: [Float]] {
    switch scaling {
    case .llama3(_, _, _, let original):
      var plain = self
      plain.scaling = .none
      let (given, scaled) = (plain.frequencies(length: original), frequencies(length: original))
      return [.ropeDivisors: zip(given, scaled).map { $0 / $1 }]
    case .longRope(let short, let long, _):
      return [.shortRopeDivisors: short, .longRopeDivisors: long]
    default: return [:]
    }
  }
}
