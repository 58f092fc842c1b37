import CheckpointIO
import Tensors
import TestSupport
import Testing

/// A small Hugging Face folder of a family that llama.cpp knows.
struct LlamaFolder: Sendable, CustomTestStringConvertible {
  /// Hugging Face's name of a tensor, llama.cpp's, and its shape.
  typealias Tensor = (name: String, other: String, shape: [Int])

  let testDescription: String
  let configuration: String
  let tensors: [Tensor]
  let folder = TemporaryFolder()

  /// Queries, keys, channels of a head, width, hidden channels, tokens.
  private static let width = 8

  /// Writes the files and opens them.
  func open(tokenizer: String? = nil, settings: String? = nil) throws -> Checkpoint {
    let parameters = tensors.enumerated().map { number, tensor in
      Samples.tensor(
        .f32, Shape(tensor.shape), seed: UInt64(number), name: tensor.name)
    }
    _ = try saved(parameters, form: .dense(nil), in: folder, as: "model.safetensors")
    write("config.json", configuration)
    if let tokenizer { write("tokenizer.json", tokenizer) }
    if let settings { write("tokenizer_config.json", settings) }
    return try Checkpoint.open(folder.path)
  }

  func write(_ name: String, _ text: String) {
    TemporaryFolder.write(Array(text.utf8), to: folder.file(name))
  }

  /// The GGUF file of it.
  func converted(
    tokenizer: String? = nil, settings: String? = nil, storage: GGUFStorage = .own
  ) throws -> (plan: GGUFPlan, source: Checkpoint, file: Checkpoint) {
    let source = try open(tokenizer: tokenizer, settings: settings)
    let plan = try GGUFPlan.make(
      parameters: source.parameters, of: source, storage: storage, threads: 2)
    let path = folder.file("a.gguf")
    try plan.write(to: path)
    return (plan, source, try Checkpoint.open(path))
  }

  /// Two blocks; layers of llama.cpp's are told by what Hugging Face calls them.
  static func blocks(_ layers: [(String, String, [Int])]) -> [Tensor] {
    (0..<2).flatMap { block in
      layers.map {
        (
          name: "model.layers.\(block).\($0.0).weight", other: "blk.\(block).\($0.1).weight",
          shape: $0.2
        )
      }
    }
  }

  static let outside: [Tensor] = [
    ("model.embed_tokens.weight", "token_embd.weight", [10, width]),
    ("model.norm.weight", "output_norm.weight", [width]),
  ]
  static let head: [Tensor] = [("lm_head.weight", "output.weight", [10, width])]
  static let attention: [(String, String, [Int])] = [
    ("input_layernorm", "attn_norm", [width]), ("self_attn.q_proj", "attn_q", [16, width]),
    ("self_attn.k_proj", "attn_k", [8, width]), ("self_attn.v_proj", "attn_v", [8, width]),
    ("self_attn.o_proj", "attn_output", [width, 16]),
  ]
  static let headNorms: [(String, String, [Int])] = [
    ("self_attn.q_norm", "attn_q_norm", [4]), ("self_attn.k_norm", "attn_k_norm", [4]),
  ]
  static let feedForward: [(String, String, [Int])] = [
    ("mlp.gate_proj", "ffn_gate", [12, width]), ("mlp.up_proj", "ffn_up", [12, width]),
    ("mlp.down_proj", "ffn_down", [width, 12]),
  ]
  static let norm: [(String, String, [Int])] = [
    ("post_attention_layernorm", "ffn_norm", [width])
  ]

  /// Experts of a block under these names for gate, up and down.
  static func experts(_ stem: String, _ words: [String]) -> [(String, String, [Int])] {
    let parts = zip(words, [("gate", [6, width]), ("up", [6, width]), ("down", [width, 6])])
    return (0..<3).flatMap { expert in
      parts.map {
        ("\(stem).experts.\(expert).\($0)", "ffn_\($1.0)_exps.\(expert)", $1.1)
      }
    }
  }

  private static func settings(_ type: String, _ more: String = "") -> String {
    """
    {"model_type": "\(type)", "num_attention_heads": 4, "num_key_value_heads": 2,
     "hidden_size": 8, "num_hidden_layers": 2, "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
     "rope_theta": 20000.0, "tie_word_embeddings": false\(more.isEmpty ? "" : ", " + more)}
    """
  }

  static let llama = LlamaFolder(
    testDescription: "llama", configuration: settings("llama", #""head_dim": 4"#),
    tensors: outside + blocks(attention + norm + feedForward) + head)
  static let gemma = LlamaFolder(
    testDescription: "gemma3",
    configuration: settings(
      "gemma3_text",
      #""query_pre_attn_scalar": 4, "sliding_window": 16, "rope_local_base_freq": 1000, "#
        + #""layer_types": ["full_attention", "sliding_attention"]"#),
    tensors: outside
      + blocks(
        attention + headNorms + feedForward + [
          ("post_attention_layernorm", "post_attention_norm", [width]),
          ("pre_feedforward_layernorm", "ffn_norm", [width]),
          ("post_feedforward_layernorm", "post_ffw_norm", [width]),
        ]))
  private static let gpt2Layers: [(String, String, [Int])] = [
    ("ln_1.weight", "attn_norm.weight", [width]),
    ("attn.c_attn.weight", "attn_qkv.weight", [width, 3 * width]),
    ("attn.c_attn.bias", "attn_qkv.bias", [3 * width]),
    ("attn.c_proj.weight", "attn_output.weight", [width, width]),
    ("ln_2.weight", "ffn_norm.weight", [width]),
    ("mlp.c_fc.weight", "ffn_up.weight", [width, 32]),
    ("mlp.c_proj.weight", "ffn_down.weight", [32, width]),
  ]
  private static let gpt2Outside: [Tensor] = [
    ("transformer.wte.weight", "token_embd.weight", [10, width]),
    ("transformer.wpe.weight", "position_embd.weight", [16, width]),
    ("transformer.ln_f.weight", "output_norm.weight", [width]),
  ]

  private static func gpt2Block(_ block: Int) -> [Tensor] {
    gpt2Layers.map { (name, other, shape) -> Tensor in
      ("transformer.h.\(block).\(name)", "blk.\(block).\(other)", shape)
    }
  }

  static let gpt2 = LlamaFolder(
    testDescription: "gpt2",
    configuration: #"{"model_type": "gpt2", "n_head": 2, "layer_norm_epsilon": 1e-5}"#,
    tensors: gpt2Outside + gpt2Block(0) + gpt2Block(1))
  static let mixtral = LlamaFolder(
    testDescription: "mixtral",
    configuration: settings("mixtral", #""num_local_experts": 3, "num_experts_per_tok": 2"#),
    tensors: outside
      + blocks(
        attention + norm + [("block_sparse_moe.gate", "ffn_gate_inp", [3, width])]
          + experts("block_sparse_moe", ["w1", "w3", "w2"])) + head)

  static let all = [
    llama,
    LlamaFolder(
      testDescription: "qwen2", configuration: settings("qwen2"),
      tensors: outside + blocks(attention + norm + feedForward) + head),
    LlamaFolder(
      testDescription: "qwen3", configuration: settings("qwen3"),
      tensors: outside + blocks(attention + headNorms + norm + feedForward) + head),
    gemma, gpt2, mixtral,
    LlamaFolder(
      testDescription: "qwen2moe",
      configuration: settings("qwen2_moe", #""num_experts": 3, "num_experts_per_tok": 2"#),
      tensors: outside
        + blocks(
          attention + norm + [
            ("mlp.gate", "ffn_gate_inp", [3, width]),
            ("mlp.shared_expert_gate", "ffn_gate_inp_shexp", [1, width]),
            ("mlp.shared_expert.gate_proj", "ffn_gate_shexp", [10, width]),
            ("mlp.shared_expert.up_proj", "ffn_up_shexp", [10, width]),
            ("mlp.shared_expert.down_proj", "ffn_down_shexp", [width, 10]),
          ] + experts("mlp", ["gate_proj", "up_proj", "down_proj"])) + head),
    LlamaFolder(
      testDescription: "qwen3moe",
      configuration: settings("qwen3_moe", #""num_experts": 3, "num_experts_per_tok": 2"#),
      tensors: outside
        + blocks(
          attention + headNorms + norm + [("mlp.gate", "ffn_gate_inp", [3, width])]
            + experts("mlp", ["gate_proj", "up_proj", "down_proj"])) + head),
  ]
}
