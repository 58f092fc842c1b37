internal import Models
internal import Tensors

/// A family of models as llama.cpp knows it: which tensors it asks for, and how they differ
/// from Hugging Face's. `LlamaName` has the tensors' names, `LlamaSettings` the
/// settings. To add a family, add a value to `all`.
struct LlamaFamily: Sendable {
  /// `general.architecture`.
  let architecture: String
  /// What `model_type` in `config.json` says.
  let modelTypes: Set<String>
  /// Weights of every block without which llama.cpp refuses a file, in its words.
  let weights: Set<String>
  /// Weights and biases that a block may have besides.
  var otherWeights: Set<String> = []
  var biases: Set<String> = []
  /// Tensors outside the blocks, with their suffix; the first three are asked for.
  let outside: [String]
  /// Whether all biases are asked for, so that zeros are written where there are none.
  var needsBiases = false
  /// Whether rows of queries and keys are in `LlamaRows`' order.
  var hasLlamaRows = false
  /// What is added to the weights of norms.
  var normShift: Float = 0
  /// Settings that llama.cpp computes with whatever a file says, and the words of
  /// `config.json` that mean the same, the usual one first.
  var assumed: [String: [String]] = [:]
  /// What Hugging Face takes for a setting that `config.json` leaves out.
  var defaults: [String: String] = [:]

  /// What Pare's own checkpoints may say.
  static let ownTypes: Set = ["gpt", "nanogpt"]

  static let all = [llama, qwen2, qwen3, qwen2MoE, qwen3MoE, gemma3, gpt2]

  private static let attention: Set = ["attn_norm", "attn_q", "attn_k", "attn_v", "attn_output"]
  private static let headNorms: Set = ["attn_q_norm", "attn_k_norm"]
  private static let feedForward: Set = ["ffn_norm", "ffn_gate", "ffn_up", "ffn_down"]
  private static let experts: Set = [
    "ffn_norm", "ffn_gate_inp", "ffn_gate_exps", "ffn_up_exps", "ffn_down_exps",
  ]
  private static let inputs: Set = ["attn_q", "attn_k", "attn_v"]
  static let tokens = "token_embd.weight"
  private static let head = [tokens, "output_norm.weight", "output.weight"]
  private static let silu = ["hidden_act": ["silu", "swish"]]

  /// Llama, Mistral, SmolLM; with experts Mixtral.
  static let llama = LlamaFamily(
    architecture: "llama", modelTypes: ["llama", "mistral", "mixtral"],
    weights: attention.union(["ffn_norm"]), otherWeights: feedForward.union(experts),
    biases: inputs.union(["attn_output", "ffn_gate", "ffn_up", "ffn_down"]), outside: head,
    hasLlamaRows: true,
    assumed: silu.merging(["partial_rotary_factor": ["1", "1.0"]]) { $1 },
    defaults: ["rms_norm_eps": "1e-6", "rope_theta": "10000", "num_experts_per_tok": "2"])

  static let qwen2 = LlamaFamily(
    architecture: "qwen2", modelTypes: ["qwen2"], weights: attention.union(feedForward),
    biases: inputs, outside: head + ["output.bias"],
    assumed: silu.merging(["use_sliding_window": ["false"]]) { $1 },
    defaults: ["rms_norm_eps": "1e-6", "rope_theta": "10000"])

  static let qwen3 = LlamaFamily(
    architecture: "qwen3", modelTypes: ["qwen3"],
    weights: attention.union(headNorms).union(feedForward), biases: inputs, outside: head,
    assumed: qwen2.assumed, defaults: qwen2.defaults)

  static let qwen2MoE = LlamaFamily(
    architecture: "qwen2moe", modelTypes: ["qwen2_moe"],
    weights: attention.union(experts).union([
      "ffn_gate_inp_shexp", "ffn_gate_shexp", "ffn_up_shexp", "ffn_down_shexp",
    ]), biases: inputs, outside: head,
    assumed: qwen2.assumed.merging(["norm_topk_prob": ["false"]]) { $1 },
    defaults: qwen2.defaults.merging(["num_experts_per_tok": "4"]) { $1 })

  static let qwen3MoE = LlamaFamily(
    architecture: "qwen3moe", modelTypes: ["qwen3_moe"],
    weights: attention.union(headNorms).union(experts), biases: inputs, outside: head,
    assumed: qwen2.assumed.merging(["norm_topk_prob": ["true"]]) { $1 },
    defaults: qwen2.defaults.merging(["num_experts_per_tok": "8"]) { $1 })

  static let gemma3 = LlamaFamily(
    architecture: "gemma3", modelTypes: ["gemma3_text"],
    weights: attention.union(headNorms).union(feedForward).union([
      "post_attention_norm", "post_ffw_norm",
    ]), biases: inputs, outside: head, normShift: 1,
    assumed: ["hidden_activation": ["gelu_pytorch_tanh"]],
    defaults: [
      "rms_norm_eps": "1e-6", "rope_theta": "1000000", "rope_local_base_freq": "10000",
      "max_position_embeddings": "131072", "head_dim": "256", "sliding_window": "4096",
      "sliding_window_pattern": "6", "query_pre_attn_scalar": "256",
    ])

  /// GPT-2, and nanoGPT's networks, whose biases may be missing.
  static let gpt2 = LlamaFamily(
    architecture: "gpt2", modelTypes: ["gpt2"],
    weights: ["attn_norm", "attn_qkv", "attn_output", "ffn_norm", "ffn_up", "ffn_down"],
    biases: ["attn_norm", "attn_qkv", "attn_output", "ffn_norm", "ffn_up", "ffn_down"],
    outside: [
      "token_embd.weight", "output_norm.weight", "position_embd.weight", "output.weight",
      "output_norm.bias",
    ], needsBiases: true,
    assumed: [
      "activation_function": ["gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_python_tanh"],
      "scale_attn_by_inverse_layer_idx": ["false"], "scale_attn_weights": ["true"],
    ], defaults: ["layer_norm_epsilon": "1e-5"])

  /// Weights that llama.cpp asks for in every block, of a network with experts or without.
  func required(withExperts hasExperts: Bool) -> Set<String> {
    let either = hasExperts ? Self.experts : Self.feedForward
    return weights.union(otherWeights.intersection(either))
  }

  /// The name of a tensor in a GGUF file; nil where llama.cpp has no place for it.
  func name(of tensor: LlamaName) -> String? {
    guard let block = tensor.block else {
      let name = tensor.layer + tensor.suffix
      return outside.contains(name) ? name : nil
    }
    let parts = tensor.layer.split(separator: ".", omittingEmptySubsequences: false)
    // The number of an expert.
    guard parts.count == 1 || parts.count == 2 && TensorName.number(parts[1]) != nil
    else { return nil }
    let layer = String(parts[0])
    let isKnown =
      tensor.suffix == ".weight"
      ? weights.contains(layer) || otherWeights.contains(layer)
      : tensor.suffix == ".bias" && parts.count == 1 && biases.contains(layer)
    return isKnown ? "blk.\(block).\(tensor.layer)\(tensor.suffix)" : nil
  }
}

/// What llama.cpp calls a tensor.
struct LlamaName: Hashable {
  let block: Int?
  /// `attn_q`; of an expert `ffn_up_exps.3`.
  let layer: String
  let suffix: String

  /// The names of all parameters, in their order.
  static func all(of parameters: Parameters, type: String?) -> [LlamaName] {
    let names = TensorNames(parameters, type: type)
    let family = type.flatMap { ModelCatalog.family(of: $0) }
    let table = family?.names(.llamaCpp) ?? .usual(.llamaCpp)
    return parameters.map { parameter in
      guard let (id, _) = names.meaning(of: parameter), let name = table.name(of: id) else {
        return LlamaName(block: parameter.place.block, layer: parameter.name, suffix: "")
      }
      return LlamaName(block: id.block, layer: name, suffix: id.isBias ? ".bias" : ".weight")
    }
  }
}

extension Tensor {
  /// The values with a number added to each.
  func adding(_ number: Float) -> Tensor {
    number == 0 ? self : Tensor(shape, array.map { $0 + number })
  }
}
