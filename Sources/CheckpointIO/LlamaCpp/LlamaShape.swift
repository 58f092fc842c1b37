internal import Tensors

/// What llama.cpp asks of a model's size, mostly read off its tensors.
struct LlamaShape {
  let blocks: Int
  private(set) var settings: [LlamaModel.Setting] = []
  /// Whether some blocks attend to a window only.
  private(set) var isSliding = false

  /// Throws `CheckpointError.invalidConversion`.
  init(
    _ parameters: Parameters, _ names: [LlamaName], _ heads: LlamaModel.Heads,
    _ settings: inout LlamaSettings
  ) throws(CheckpointError) {
    let shapes = Dictionary(
      zip(names, parameters).filter { $0.0.suffix == ".weight" }.map { ($0.0.layer, $0.1.shape) },
      uniquingKeysWith: { first, _ in first })
    let family = settings.family
    blocks = (names.compactMap(\.block).max() ?? -1) + 1
    if let odd = Self.firstOfAnotherWidth(parameters, names) {
      settings.note(
        "llama.cpp will refuse the file: its \(family.architecture) has blocks of one width, and "
          + "\(odd.name.quoted) is \(odd.shape)")
    }
    guard let tokens = shapes["token_embd"], tokens.dimensions.count == 2 else {
      throw .invalidConversion(reason: "the checkpoint has no matrix of token embeddings")
    }
    add("block_count", blocks)
    try addContext(shapes["position_embd"], &settings)
    add("embedding_length", tokens.columns)
    add("vocab_size", tokens.rows)
    add("attention.head_count", heads.queries)
    if family.architecture == LlamaFamily.gpt2.architecture {
      try addEpsilon("attention.layer_norm_epsilon", "layer_norm_epsilon", &settings)
    } else {
      add("attention.head_count_kv", heads.keys)
      add("attention.key_length", heads.width)
      add("attention.value_length", heads.width)
      try addEpsilon("attention.layer_norm_rms_epsilon", "rms_norm_eps", &settings)
    }
    try addFeedForward(shapes, &settings)
    try addWindow(&settings)
    if let cap = try settings.number(["final_logit_softcapping"]) {
      self.settings.append(("final_logit_softcapping", .number(cap)))
    }
  }

  /// The first weight of a block that has another shape than the same one in the first.
  private static func firstOfAnotherWidth(
    _ parameters: Parameters, _ names: [LlamaName]
  ) -> Parameter? {
    var usual: [String: Shape] = [:]
    return zip(parameters, names).first { parameter, name in
      guard name.block != nil else { return false }
      let key = name.layer + name.suffix
      defer { if usual[key] == nil { usual[key] = parameter.shape } }
      return usual[key].map { $0 != parameter.shape } ?? false
    }?.0
  }

  private mutating func add(_ key: String, _ count: Int) {
    settings.append((key, .count(count)))
  }

  /// Learned positions say how many there are.
  private mutating func addContext(
    _ positions: Shape?, _ settings: inout LlamaSettings
  ) throws(CheckpointError) {
    if let positions {
      add("context_length", positions.rows)
    } else {
      add("context_length", try settings.count("max_position_embeddings", "block_size"))
    }
  }

  private mutating func addEpsilon(
    _ key: String, _ name: String, _ settings: inout LlamaSettings
  ) throws(CheckpointError) {
    if let epsilon = try settings.number([name]) {
      self.settings.append((key, .number(epsilon)))
    }
  }

  /// Hidden channels, of experts too.
  private mutating func addFeedForward(
    _ shapes: [String: Shape], _ settings: inout LlamaSettings
  ) throws(CheckpointError) {
    let expert = shapes["ffn_up_exps.0"]?.rows
    if let width = shapes["ffn_up"]?.rows ?? expert {
      add("feed_forward_length", width)
    }
    guard let expert else { return }
    let count = shapes.keys.count { $0.hasPrefix("ffn_up_exps.") }
    let router = shapes["ffn_gate_inp"]?.rows ?? count
    guard router == count else {
      throw .invalidConversion(
        reason: "the router scores \(router) experts, and the checkpoint has \(count)")
    }
    let used = try settings.count("num_experts_per_tok")
    guard used <= count else {
      throw .invalidConversion(
        reason: "the setting num_experts_per_tok is \(used), and there are \(count) experts")
    }
    add("expert_count", count)
    add("expert_used_count", used)
    if settings.family.architecture != LlamaFamily.llama.architecture {
      add("expert_feed_forward_length", expert)
    }
    if let shared = shapes["ffn_up_shexp"]?.rows {
      add("expert_shared_feed_forward_length", shared)
    }
  }

  /// Gemma's blocks that attend to a window, and those that do not.
  private mutating func addWindow(_ settings: inout LlamaSettings) throws(CheckpointError) {
    guard settings.family.architecture == LlamaFamily.gemma3.architecture else {
      if let window = settings.settings["sliding_window"], window != "0",
        settings.settings["use_sliding_window"] != "false"
      {
        settings.note(
          "sliding_window is \(window.quoted); llama.cpp's \(settings.family.architecture) attends "
            + "to the whole context")
      }
      return
    }
    isSliding = true
    add("attention.sliding_window", try settings.count("sliding_window"))
    // llama.cpp takes every sixth block to see all.
    let usual = (0..<blocks).map { $0 % 6 != 5 }
    var pattern = usual
    if let types = settings.settings["layer_types"]?.split(separator: ",") {
      guard types.count == blocks else {
        throw .invalidConversion(
          reason: "the setting layer_types lists \(types.count) blocks, and there are \(blocks)")
      }
      pattern = types.map { $0 == "sliding_attention" }
    } else if let period = try settings.countIfPresent([
      "_sliding_window_pattern", "sliding_window_pattern",
    ]) {
      pattern = (0..<blocks).map { ($0 + 1) % period != 0 }
    }
    if pattern != usual {
      self.settings.append(("attention.sliding_window_pattern", .flags(pattern)))
    }
  }
}

extension LlamaRope {
  /// nil where positions are learned. Throws `invalidConversion`.
  init?(
    _ settings: inout LlamaSettings, _ heads: LlamaModel.Heads, _ shape: LlamaShape
  ) throws(CheckpointError) {
    if settings.family.architecture == LlamaFamily.gpt2.architecture { return nil }
    try self.init(&settings, headWidth: heads.width, isSliding: shape.isSliding)
  }
}
