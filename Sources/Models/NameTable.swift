internal import Tensors

/// Whose names a file's tensors have.
public enum Dialect: Sendable, Hashable, CaseIterable {
  /// `model.layers.0.self_attn.q_proj.weight`
  case huggingFace
  /// `blk.0.attn_q.weight`
  case llamaCpp
  /// `layers.0.attention.wq.weight`, of Meta's and Mistral's own files.
  case meta
}

/// What a dialect calls the tensors of a model: layers of a block, and what is outside.
public struct NameTable: Sendable {
  public var layers: [TensorRole: [String]]
  public var outside: [TensorRole: [String]]
  /// What stands before a block's number.
  public var stack = "layers."
  /// Tensors of the first block by which the stack is found, best first.
  public var witnesses: [String]

  /// A layer's name, of an expert with its number; or that of a tensor outside the blocks. nil
  /// of what has none.
  public func name(of id: TensorID) -> String? {
    guard let name = (id.block == nil ? outside : layers)[id.role]?.first else { return nil }
    return id.expert.map { name.replacing("#", with: String($0)) } ?? name
  }

  /// The names that most families have.
  public static func usual(_ dialect: Dialect) -> NameTable {
    switch dialect {
    case .huggingFace: huggingFace
    case .llamaCpp: llamaCpp
    case .meta: meta
    }
  }

  /// This one with other names for some roles.
  public func with(
    _ layers: [TensorRole: [String]], outside: [TensorRole: [String]] = [:],
    witnesses: [String]? = nil
  ) -> NameTable {
    NameTable(
      layers: self.layers.merging(layers) { $1 }, outside: self.outside.merging(outside) { $1 },
      stack: stack, witnesses: witnesses ?? self.witnesses)
  }

  private static let huggingFace = NameTable(
    layers: [
      .attentionNorm: ["input_layernorm"], .query: ["self_attn.q_proj"],
      .key: ["self_attn.k_proj"], .value: ["self_attn.v_proj"],
      .queryKeyValue: ["self_attn.qkv_proj"], .attentionOutput: ["self_attn.o_proj"],
      .queryNorm: ["self_attn.q_norm"], .keyNorm: ["self_attn.k_norm"],
      .sinks: ["self_attn.sinks"], .mlpNorm: ["post_attention_layernorm"],
      .gate: ["mlp.gate_proj"], .up: ["mlp.up_proj"], .down: ["mlp.down_proj"],
      .gateUp: ["mlp.gate_up_proj"],
      .router: ["mlp.gate", "block_sparse_moe.gate", "mlp.router"],
      .expertGate: ["mlp.experts.#.gate_proj", "block_sparse_moe.experts.#.w1"],
      .expertUp: ["mlp.experts.#.up_proj", "block_sparse_moe.experts.#.w3"],
      .expertDown: ["mlp.experts.#.down_proj", "block_sparse_moe.experts.#.w2"],
      .sharedGate: ["mlp.shared_expert.gate_proj"], .sharedUp: ["mlp.shared_expert.up_proj"],
      .sharedDown: ["mlp.shared_expert.down_proj"], .sharedRouter: ["mlp.shared_expert_gate"],
    ],
    outside: [
      .tokenEmbedding: ["embed_tokens"], .finalNorm: ["norm"], .head: ["lm_head"],
    ], witnesses: ["self_attn.o_proj.weight"])

  private static let llamaCpp = NameTable(
    layers: [
      .attentionNorm: ["attn_norm"], .query: ["attn_q"], .key: ["attn_k"], .value: ["attn_v"],
      .queryKeyValue: ["attn_qkv"], .attentionOutput: ["attn_output"],
      .attentionPostNorm: ["post_attention_norm"], .queryNorm: ["attn_q_norm"],
      .keyNorm: ["attn_k_norm"], .sinks: ["attn_sinks"], .mlpNorm: ["ffn_norm"],
      .gate: ["ffn_gate"], .up: ["ffn_up"], .down: ["ffn_down"],
      .mlpPostNorm: ["post_ffw_norm"], .router: ["ffn_gate_inp"],
      .expertGate: ["ffn_gate_exps.#"], .expertUp: ["ffn_up_exps.#"],
      .expertDown: ["ffn_down_exps.#"], .sharedGate: ["ffn_gate_shexp"],
      .sharedUp: ["ffn_up_shexp"], .sharedDown: ["ffn_down_shexp"],
      .sharedRouter: ["ffn_gate_inp_shexp"],
    ],
    outside: [
      .tokenEmbedding: ["token_embd"], .positionEmbedding: ["position_embd"],
      .finalNorm: ["output_norm"], .head: ["output"],
      .ropeDivisors: ["rope_freqs"], .longRopeDivisors: ["rope_factors_long"],
      .shortRopeDivisors: ["rope_factors_short"],
    ], stack: "blk.", witnesses: ["attn_output.weight"])

  private static let meta = NameTable(
    layers: [
      .attentionNorm: ["attention_norm"], .query: ["attention.wq"], .key: ["attention.wk"],
      .value: ["attention.wv"], .attentionOutput: ["attention.wo"], .mlpNorm: ["ffn_norm"],
      .gate: ["feed_forward.w1"], .up: ["feed_forward.w3"], .down: ["feed_forward.w2"],
      .router: ["block_sparse_moe.gate", "feed_forward.gate"],
      .expertGate: ["block_sparse_moe.experts.#.w1", "feed_forward.experts.#.w1"],
      .expertUp: ["block_sparse_moe.experts.#.w3", "feed_forward.experts.#.w3"],
      .expertDown: ["block_sparse_moe.experts.#.w2", "feed_forward.experts.#.w2"],
    ],
    outside: [
      .tokenEmbedding: ["tok_embeddings"], .finalNorm: ["norm"], .head: ["output"],
    ], witnesses: ["attention.wo.weight"])

  /// What families call their layers that do not run, and ends of such names: what a file's
  /// layers are is known without them, in which order a block uses them with them.
  static let elsewhere = NameTable(
    layers: [
      .attentionNorm: [
        "norm1", "norm_1", "layer_norm1", "self_attn_layer_norm", "attn_norm_2",
      ],
      .queryKeyValue: ["in_proj", "qkv_proj", "qkv", "query_key_value"],
      .query: ["q_proj", "query", "wq", "W_query"], .queryNorm: ["q_norm"],
      .key: ["k_proj", "key", "wk", "W_key"], .keyNorm: ["k_norm"],
      .value: ["v_proj", "value", "wv", "W_value"],
      .attentionOutput: [
        "attn_out", "o_proj", "out_proj", "wo", "attn.proj", "attention.dense",
        "attention.output.dense",
      ],
      .attentionPostNorm: ["attention.output.LayerNorm", "attn_output_norm"],
      .mlpNorm: ["ff_norm", "norm2", "norm_2", "layer_norm2"],
      .router: [
        "gate", "block_sparse_moe.router.layer", "feed_forward.gate", "feed_forward.router",
      ],
      .expertGate: ["experts", "feed_forward.experts.#.gate_proj"],
      .expertUp: ["feed_forward.experts.#.up_proj"],
      .expertDown: ["feed_forward.experts.#.down_proj"],
      .sharedGate: ["mlp.shared_experts.gate_proj"], .sharedUp: ["mlp.shared_experts.up_proj"],
      .sharedDown: ["mlp.shared_experts.down_proj"],
      .gate: ["feed_forward.gate_proj", "gate_proj", "ff_proj", "w1"], .gateUp: ["gate_up_proj"],
      .up: [
        "feed_forward.up_proj", "up_proj", "w3", "fc1", "intermediate.dense",
        "dense_h_to_4h",
      ],
      .down: [
        "feed_forward.down_proj", "down_proj", "ff_out", "w2", "fc2",
        "dense_4h_to_h", "output.dense",
      ],
      .mlpPostNorm: ["output.LayerNorm", "final_layer_norm", "layer_output_norm"],
    ],
    outside: [:], witnesses: [])
}

/// What stands before the names of a model's tensors in a file, and whose names they are.
struct NamePrefix {
  let dialect: Dialect
  /// `model.layers.`
  let stack: String
  /// What stands before the names outside the blocks: `model.`, and nothing.
  let outside: [String]

  /// Finds the stack of blocks by a tensor of its first block, in any dialect of a family.
  init?(_ parameters: Parameters, _ settings: Settings, _ names: (Dialect) -> NameTable) {
    // The language model of several stacks is the one that is not named after another sense.
    let candidates = parameters.lazy.filter {
      $0.place.block ?? 0 == 0 && $0.place.role != .auxiliary
    }.map(\.name)
    for dialect in [Dialect.llamaCpp, .meta, .huggingFace] {
      let table = names(dialect)
      // Of a sliced block attention may be missing, and the norm before it is not.
      let norm = table.layers[.attentionNorm]?.first.map { $0 + ".weight" }
      let isSliced = settings.values[BlockShapeRecord.key] != nil
      let endings = (table.witnesses + (isSliced ? [norm].compactMap(\.self) : [])).map {
        table.stack + "0." + $0
      }
      for name in candidates {
        guard let ending = endings.first(where: { name == $0 || name.hasSuffix("." + $0) })
        else { continue }
        let root = String(name.dropLast(ending.utf8.count))
        self.dialect = dialect
        stack = root + table.stack
        let above = root.split(separator: ".").dropLast().map { $0 + "." }.joined()
        outside = [root, above, ""]
        return
      }
    }
    return nil
  }
}
