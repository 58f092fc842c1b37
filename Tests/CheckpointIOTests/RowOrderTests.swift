import CheckpointIO
import Tensors
import TestSupport
import Testing

/// The order of the rows of queries and keys, which rotary embeddings turn in pairs: Hugging
/// Face's, and the interleaved one of llama.cpp and of Meta's and Mistral's own files.
@Suite struct RowOrderTests {
  private static let (heads, keyHeads, width) = (4, 2, 16)
  /// By Hugging Face's names, llama.cpp's, and Meta's.
  private static let names: [(hf: String, ggml: String, meta: String, shape: Shape)] = [
    ("model.embed_tokens", "token_embd", "tok_embeddings", [10, width]),
    ("model.layers.0.input_layernorm", "blk.0.attn_norm", "layers.0.attention_norm", [width]),
    ("model.layers.0.self_attn.q_proj", "blk.0.attn_q", "layers.0.attention.wq", [width, width]),
    ("model.layers.0.self_attn.k_proj", "blk.0.attn_k", "layers.0.attention.wk", [8, width]),
    ("model.layers.0.self_attn.v_proj", "blk.0.attn_v", "layers.0.attention.wv", [8, width]),
    (
      "model.layers.0.self_attn.o_proj", "blk.0.attn_output", "layers.0.attention.wo",
      [width, width]
    ),
    ("model.layers.0.post_attention_layernorm", "blk.0.ffn_norm", "layers.0.ffn_norm", [width]),
    ("model.layers.0.mlp.gate_proj", "blk.0.ffn_gate", "layers.0.feed_forward.w1", [12, width]),
    ("model.layers.0.mlp.up_proj", "blk.0.ffn_up", "layers.0.feed_forward.w3", [12, width]),
    ("model.layers.0.mlp.down_proj", "blk.0.ffn_down", "layers.0.feed_forward.w2", [width, 12]),
    ("model.norm", "output_norm", "norm", [width]),
    ("lm_head", "output", "output", [10, width]),
  ]

  /// `reshape(heads, 2, d / 2).swapaxes(1, 2)` over the rows.
  private static func interleaved(_ tensor: Tensor, heads: Int) -> Tensor {
    let (rows, columns) = (tensor.shape.rows, tensor.shape.columns)
    let half = rows / heads / 2
    let order = (0..<heads).flatMap { head in
      (0..<half).flatMap { pair in [0, 1].map { (2 * head + $0) * half + pair } }
    }
    return Tensor(
      tensor.shape, order.flatMap { tensor.array[$0 * columns..<($0 + 1) * columns] })
  }

  private static func parameters(
    _ name: KeyPath<(hf: String, ggml: String, meta: String, shape: Shape), String>,
    isInterleaved: Bool
  ) throws -> [Parameter] {
    try names.enumerated().map { number, names in
      let tensor = try Samples.tensor(.f32, names.shape, seed: UInt64(number)).tensor()
      let isQuery = names.ggml == "blk.0.attn_q"
      let isMoved = isInterleaved && (isQuery || names.ggml == "blk.0.attn_k")
      return Samples.parameter(
        names[keyPath: name] + ".weight", .f32,
        isMoved ? interleaved(tensor, heads: isQuery ? heads : keyHeads) : tensor)
    }
  }

  private static func configuration(_ type: String) -> String {
    """
    {"model_type": "\(type)", "num_attention_heads": \(heads), "num_key_value_heads": \(keyHeads),
     "hidden_size": \(width), "num_hidden_layers": 1, "max_position_embeddings": 64,
     "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": false}
    """
  }

  private static func hf(_ type: String) throws -> SavedFile {
    try saved(
      try parameters(\.hf, isInterleaved: false), metadata: ["pare.config": configuration(type)],
      form: .dense(nil))
  }

  private func expectTheSame(_ a: Checkpoint, _ b: Checkpoint, reordered: Int) throws {
    for (first, second) in [(a, b), (b, a)] {
      let matching = ParameterMatching(first, second)
      #expect(matching.pairs.count == Self.names.count && matching.reorderedCount == reordered)
      for pair in matching.pairs {
        let tensors = try pair.tensors(threads: 2, shouldStop: { false })
        #expect(haveSameBits(tensors.first, tensors.second), "\(pair.first.name)")
      }
    }
  }

  /// Every family whose separate queries and keys llama.cpp's converter reorders.
  @Test(arguments: [
    "llama", "llama-embed", "mistral3", "arcee", "smollm3", "nanbeige", "eagle3", "granite",
    "granite_swa", "granitemoe", "granitehybrid", "deci", "olmo", "arctic", "chameleon", "minicpm",
    "deepseek", "xverse", "llada",
  ])
  func aReorderedFamilyIsEqual(_ family: String) throws {
    let ggml = try saved(
      try Self.parameters(\.ggml, isInterleaved: true),
      metadata: ["pare.config": Self.configuration(family)], form: .dense(nil))
    try expectTheSame(try Self.hf(family).checkpoint, ggml.checkpoint, reordered: 2)
  }

  @Test(arguments: ["qwen2", "qwen3", "gemma3", "phi3", "llama4", "apertus", "afmoe", "olmo2"])
  func anotherFamilyIsComparedAsItIs(_ family: String) throws {
    let ggml = try saved(
      try Self.parameters(\.ggml, isInterleaved: false),
      metadata: ["pare.config": Self.configuration(family)], form: .dense(nil))
    let matching = ParameterMatching(try Self.hf(family).checkpoint, ggml.checkpoint)
    #expect(matching.reorderedCount == 0)
  }

  /// Heads that only the other file's settings count are good for both.
  @Test func metasOwnFileIsEqual() throws {
    for type in ["mistral", "llama"] {
      let meta = try saved(try Self.parameters(\.meta, isInterleaved: true), form: .dense(nil))
      try expectTheSame(try Self.hf(type).checkpoint, meta.checkpoint, reordered: 2)
    }
  }

  @Test func ordersThatCannotBeUndoneAreCounted() throws {
    let meta = try saved(try Self.parameters(\.meta, isInterleaved: true), form: .dense(nil))
    let hf = try saved(try Self.parameters(\.hf, isInterleaved: false), form: .dense(nil))
    let matching = ParameterMatching(hf.checkpoint, meta.checkpoint)
    #expect(matching.unknownOrderCount == 2 && matching.reorderedCount == 0)
  }

  @Test func metasRowsStayInGGUF() throws {
    let folder = TemporaryFolder()
    let files = [
      try saved(
        try Self.parameters(\.hf, isInterleaved: false), form: .dense(nil), in: folder,
        as: "model.safetensors"),
      try saved(
        try Self.parameters(\.meta, isInterleaved: true), form: .dense(nil), in: folder,
        as: "consolidated.safetensors"),
    ]
    TemporaryFolder.write(
      Array(Self.configuration("mistral").utf8), to: folder.file("config.json"))
    let written = try files.enumerated().map { number, file in
      let source = try Checkpoint.open(try #require(file.checkpoint.path))
      let path = folder.file("\(number).gguf")
      try GGUFPlan.make(parameters: source.parameters, of: source, storage: .own).write(to: path)
      return TemporaryFolder.bytes(path)
    }
    #expect(written[0] == written[1])
  }

  /// Meta's settings stand in `params.json`.
  @Test func settingsOfMetasOwnFolderAreRead() throws {
    let folder = TemporaryFolder()
    _ = try saved(
      try Self.parameters(\.meta, isInterleaved: true), form: .dense(nil), in: folder,
      as: "consolidated.safetensors")
    TemporaryFolder.write(
      Array(
        #"{"dim": 16, "n_layers": 1, "n_heads": 4, "n_kv_heads": 2, "norm_eps": 1e-5, "vocab_size": 10}"#
          .utf8), to: folder.file("params.json"))
    let checkpoint = try Checkpoint.open(folder.path)
    #expect(checkpoint.configuration["n_head"] == "4")
    #expect(checkpoint.configuration["num_key_value_heads"] == "2")
    #expect(checkpoint.configuration["rms_norm_eps"] == "1e-5")
    #expect(checkpoint.configuration["model_type"] == "llama")
  }

  @Test(.enabled(if: SharedData.isPresent)) func theSharedRepositoryIsOneModel() throws {
    let folder = TemporaryFolder()
    let written = try ["model", "consolidated"].map { name in
      let source = try Checkpoint.open(
        SharedData.path("cases/51-consolidated-rows/repo/\(name).safetensors"))
      let path = folder.file("\(name).gguf")
      try GGUFPlan.make(parameters: source.parameters, of: source, storage: .own).write(to: path)
      return (source, TemporaryFolder.bytes(path))
    }
    #expect(written[0].1 == written[1].1)
    let matching = ParameterMatching(written[0].0, written[1].0)
    #expect(matching.onlyInFirst.isEmpty && matching.onlyInSecond.isEmpty)
    for pair in matching.pairs {
      let tensors = try pair.tensors(threads: 2, shouldStop: { false })
      #expect(haveSameBits(tensors.first, tensors.second), "\(pair.first.name)")
    }
  }
}
