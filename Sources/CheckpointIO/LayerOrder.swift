/// The order in which a block uses its layers; files often sort by name.
enum LayerOrder {
  /// Last components of the families' layer names, in order of use. A name
  /// with a dot must match that much of the end.
  private static let known: [String] = [
    "ln_1", "input_layernorm", "attention_norm", "norm1", "norm_1", "layer_norm1",
    "self_attn_layer_norm", "attn_norm", "attn_norm_2",
    "attn.c_attn", "in_proj", "qkv_proj", "qkv", "query_key_value", "attn_qkv", "q_proj", "query",
    "wq", "attn_q", "W_query",
    "q_norm", "attn_q_norm", "k_proj", "key", "wk", "attn_k", "W_key", "k_norm", "attn_k_norm",
    "v_proj", "value", "wv", "attn_v", "W_value",
    "attn.c_proj", "o_proj", "out_proj", "wo", "attn.proj", "attention.dense",
    "attention.output.dense", "attention.output.LayerNorm", "attn_output", "attn_output_norm",
    "post_attention_norm",
    "ln_2", "post_attention_layernorm", "pre_feedforward_layernorm", "ffn_norm", "norm2",
    "norm_2", "layer_norm2",
    "gate", "ffn_gate_inp", "experts",
    "mlp.c_fc", "gate_proj", "gate_up_proj", "up_proj", "w1", "w3", "fc1", "intermediate.dense",
    "dense_h_to_4h", "ffn_gate", "ffn_gate_exps", "ffn_up", "ffn_up_exps",
    "mlp.c_proj", "down_proj", "w2", "fc2", "dense_4h_to_h", "output.dense", "ffn_down",
    "ffn_down_exps",
    "output.LayerNorm", "final_layer_norm", "post_feedforward_layernorm",
    "post_ffw_norm", "layer_output_norm",
  ]
  private static let ranks = Dictionary(
    uniqueKeysWithValues: known.enumerated().map { ($1, $0) })

  /// Known layers in order of use, experts one after the other; unknown ones
  /// behind them, as first met.
  static func sorted(_ layers: [String], firstMet: [String: Int]) -> [String] {
    layers.map { (key($0, firstMet: firstMet[$0] ?? 0), $0) }
      .sorted { $0.0 < $1.0 }.map(\.1)
  }

  private typealias SortKey = (Int, Int, Int, Int)

  private static func key(_ layer: String, firstMet: Int) -> SortKey {
    let components = layer.split(separator: ".", omittingEmptySubsequences: false)
    let rank = rank(of: components)
    if let position = components.firstIndex(where: { TensorName.number($0) != nil }) {
      let expert = TensorName.number(components[position]) ?? 0
      let isLast = position == components.count - 1
      let part = isLast ? self.rank(of: components.dropLast()) : rank
      return (ranks["experts"] ?? known.count, expert, part, firstMet)
    }
    return (rank, 0, 0, firstMet)
  }

  /// The longest known ending decides.
  private static func rank(of components: [Substring]) -> Int {
    for length in [3, 2, 1] where components.count >= length {
      if let rank = ranks[components.suffix(length).joined(separator: ".")] { return rank }
    }
    return known.count
  }
}
