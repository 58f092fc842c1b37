internal import Tensors

/// What a tensor is, whatever the file calls it: its block, its layer in the words of
/// llama.cpp, and whether it is a weight or a bias.
struct CanonicalName: Hashable {
  let block: Int?
  /// `attn_q`; of an expert `ffn_up_exps.3`.
  let layer: String
  let suffix: Substring

  /// What other files call a block's layers, and llama.cpp's word. A name of a family is
  /// added here, and to what `LlamaFamily` says of it.
  private static let layers: [Substring: String] = [
    "input_layernorm": "attn_norm", "attention_norm": "attn_norm", "ln_1": "attn_norm",
    "self_attn.q_proj": "attn_q", "attention.wq": "attn_q",
    "self_attn.k_proj": "attn_k", "attention.wk": "attn_k",
    "self_attn.v_proj": "attn_v", "attention.wv": "attn_v",
    "self_attn.o_proj": "attn_output", "attention.wo": "attn_output",
    "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm", "ln_2": "ffn_norm",
    "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm",
    "mlp.gate_proj": "ffn_gate", "feed_forward.w1": "ffn_gate",
    "mlp.up_proj": "ffn_up", "feed_forward.w3": "ffn_up", "mlp.c_fc": "ffn_up",
    "mlp.down_proj": "ffn_down", "feed_forward.w2": "ffn_down", "mlp.c_proj": "ffn_down",
    "feed_forward.gate_proj": "ffn_gate", "feed_forward.up_proj": "ffn_up",
    "feed_forward.down_proj": "ffn_down",
    "q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v", "attn_out": "attn_output",
    "ff_norm": "ffn_norm", "ff_proj": "ffn_gate", "up_proj": "ffn_up", "ff_out": "ffn_down",
    "block_sparse_moe.gate": "ffn_gate_inp", "block_sparse_moe.router.layer": "ffn_gate_inp",
    "mlp.gate": "ffn_gate_inp", "mlp.router": "ffn_gate_inp", "feed_forward.gate": "ffn_gate_inp",
    "feed_forward.router": "ffn_gate_inp",
    "mlp.shared_experts.gate_proj": "ffn_gate_shexp",
    "mlp.shared_experts.up_proj": "ffn_up_shexp",
    "mlp.shared_experts.down_proj": "ffn_down_shexp",
    "mlp.shared_expert.gate_proj": "ffn_gate_shexp",
    "mlp.shared_expert.up_proj": "ffn_up_shexp",
    "mlp.shared_expert.down_proj": "ffn_down_shexp",
    "mlp.shared_expert_gate": "ffn_gate_inp_shexp",
  ]
  /// The same of an expert's, after its number.
  private static let experts: [Substring: String] = [
    "w1": "ffn_gate_exps", "gate_proj": "ffn_gate_exps",
    "w2": "ffn_down_exps", "down_proj": "ffn_down_exps",
    "w3": "ffn_up_exps", "up_proj": "ffn_up_exps",
  ]
  private static let beforeExpert = [
    "block_sparse_moe.experts.", "mlp.experts.", "feed_forward.experts.",
  ]
  /// The same of what stands outside the blocks, by the last component.
  private static let outside: [Substring: String] = [
    "embed_tokens": "token_embd", "tok_embeddings": "token_embd", "wte": "token_embd",
    "wpe": "position_embd", "norm": "output_norm", "ln_f": "output_norm", "lm_head": "output",
  ]
  private static let beforeFeedForward: Substring = "pre_feedforward_layernorm"
  private static let afterAttention: Substring = "post_attention_layernorm"

  /// The names of all parameters, in their order.
  static func all(of parameters: Parameters) -> [CanonicalName] {
    let names = parameters.map { TensorName($0.name) }
    // Gemma has norms before and behind both halves of a block.
    let isSandwich = names.contains { $0.rest.hasPrefix(beforeFeedForward + ".") }
    return zip(parameters, names).map { parameter, name in
      CanonicalName(name, block: parameter.place.block, isSandwich: isSandwich)
    }
  }

  private init(_ name: TensorName, block: Int?, isSandwich: Bool) {
    self.block = block
    let dot = name.rest.lastIndex(of: ".")
    let last = dot.map { name.rest[$0...] } ?? ""
    suffix = last == ".weight" || last == ".bias" ? last : ""
    let layer = name.rest.dropLast(suffix.count)
    if block == nil {
      let component = layer.split(separator: ".").last ?? layer
      self.layer = Self.outside[component] ?? String(layer)
    } else if isSandwich, layer == Self.afterAttention {
      self.layer = "post_attention_norm"
    } else {
      self.layer = Self.layers[layer] ?? Self.expert(layer) ?? String(layer)
    }
  }

  /// `ffn_up_exps.3` of `mlp.experts.3.up_proj`.
  private static func expert(_ layer: Substring) -> String? {
    guard let prefix = beforeExpert.first(where: { layer.hasPrefix($0) }) else { return nil }
    let parts = layer.dropFirst(prefix.count).split(
      separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let expert = TensorName.number(parts[0]),
      String(expert) == parts[0], let word = experts[parts[1]]
    else { return nil }
    return "\(word).\(expert)"
  }
}
