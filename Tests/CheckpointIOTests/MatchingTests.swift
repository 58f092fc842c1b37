import CheckpointIO
import Tensors
import TestSupport
import Testing

/// Which tensor of one file is which of another.
@Suite struct MatchingTests {
  private static let heads = 3
  private static let keyHeads = 1
  private static let width = 24

  /// The same Llama in Hugging Face's names and in llama.cpp's.
  private static let names = [
    ("model.embed_tokens.weight", "token_embd.weight", [10, width]),
    ("model.layers.0.input_layernorm.weight", "blk.0.attn_norm.weight", [width]),
    ("model.layers.0.self_attn.q_proj.weight", "blk.0.attn_q.weight", [width, width]),
    ("model.layers.0.self_attn.q_proj.bias", "blk.0.attn_q.bias", [width]),
    ("model.layers.0.self_attn.k_proj.weight", "blk.0.attn_k.weight", [8, width]),
    ("model.layers.0.self_attn.v_proj.weight", "blk.0.attn_v.weight", [8, width]),
    ("model.layers.0.self_attn.o_proj.weight", "blk.0.attn_output.weight", [width, width]),
    ("model.layers.0.post_attention_layernorm.weight", "blk.0.ffn_norm.weight", [width]),
    ("model.layers.0.mlp.gate_proj.weight", "blk.0.ffn_gate.weight", [32, width]),
    ("model.layers.0.mlp.up_proj.weight", "blk.0.ffn_up.weight", [32, width]),
    ("model.layers.0.mlp.down_proj.weight", "blk.0.ffn_down.weight", [width, 32]),
    ("model.norm.weight", "output_norm.weight", [width]),
    ("lm_head.weight", "output.weight", [10, width]),
  ]

  /// As llama.cpp's converter: `reshape(heads, 2, d / 2).swapaxes(1, 2)`.
  private static func permuted(_ tensor: Tensor, heads: Int) -> Tensor {
    let rows = tensor.shape.dimensions[0]
    let (columns, size) = (tensor.shape.count / rows, rows / heads)
    var values = tensor.array
    for head in 0..<heads {
      for half in 0..<2 {
        for pair in 0..<size / 2 {
          for column in 0..<columns {
            values[(head * size + 2 * pair + half) * columns + column] =
              tensor.array[(head * size + half * size / 2 + pair) * columns + column]
          }
        }
      }
    }
    return Tensor(tensor.shape, values)
  }

  private static func files() throws -> (hf: SavedFile, ggml: SavedFile) {
    var hf: [Parameter] = []
    var ggml: [Parameter] = []
    for (number, (name, other, dimensions)) in names.enumerated() {
      let parameter = Samples.tensor(.f32, Shape(dimensions), seed: UInt64(number), name: name)
      hf.append(parameter)
      var tensor = try parameter.tensor()
      if other.contains("attn_q.") { tensor = permuted(tensor, heads: heads) }
      if other.contains("attn_k.") { tensor = permuted(tensor, heads: keyHeads) }
      ggml.append(Samples.parameter(other, .f32, tensor))
    }
    let configuration =
      #"{"model_type":"llama","n_head":\#(heads),"num_key_value_heads":\#(keyHeads)}"#
    let metadata = ["pare.config": configuration]
    return (
      try saved(hf, metadata: metadata, form: .dense(nil)),
      try saved(ggml.reversed(), metadata: metadata, form: .dense(nil), as: "b.safetensors")
    )
  }

  @Test func llamaCppAndHuggingFaceAreTheSameModel() throws {
    let (hf, ggml) = try Self.files()
    let expected = Dictionary(uniqueKeysWithValues: Self.names.map { ($0.0, $0.1) })
    for (first, second) in [(hf, ggml), (ggml, hf)] {
      let matching = ParameterMatching(first.checkpoint, second.checkpoint)
      #expect(matching.pairs.count == Self.names.count)
      #expect(matching.onlyInFirst.isEmpty && matching.onlyInSecond.isEmpty)
      #expect(matching.renamedCount == Self.names.count && matching.reorderedCount == 3)
      for pair in matching.pairs {
        #expect(
          expected[pair.first.name] == pair.second.name
            || expected[pair.second.name] == pair.first.name)
        let tensors = try pair.tensors(threads: 2, shouldStop: { false })
        #expect(haveSameBits(tensors.first, tensors.second), "\(pair.first.name)")
      }
    }
    let same = ParameterMatching(ggml.checkpoint, ggml.checkpoint)
    #expect(same.renamedCount == 0 && same.reorderedCount == 0)
  }

  @Test func theNormsOfASandwichKeepTheirPlaces() throws {
    let names = [
      ("input_layernorm", "attn_norm"), ("post_attention_layernorm", "post_attention_norm"),
      ("pre_feedforward_layernorm", "ffn_norm"), ("post_feedforward_layernorm", "post_ffw_norm"),
    ]
    let files = try [("model.layers", \(String, String).0), ("blk", \(String, String).1)].map {
      prefix, half in
      try saved(
        names.map {
          Samples.tensor(.f32, [4], seed: 1, name: "\(prefix).0.\($0[keyPath: half]).weight")
        },
        form: .dense(nil))
    }
    let pairs = ParameterMatching(files[0].checkpoint, files[1].checkpoint).pairs
    #expect(pairs.map(\.second.name) == names.map { "blk.0.\($0.1).weight" })
  }

  @Test func whatTwoClaimIsNobodys() throws {
    let first = try saved(
      ["a.wte.weight", "b.wte.weight", "c.weight"].map {
        Samples.tensor(.f32, [2, 2], seed: 1, name: $0)
      }, form: .dense(nil))
    let second = try saved(
      ["token_embd.weight", "c.weight"].map {
        Samples.tensor(.f32, [2, 2], seed: 1, name: $0)
      }, form: .dense(nil))
    let matching = ParameterMatching(first.checkpoint, second.checkpoint)
    #expect(matching.pairs.map(\.first.name) == ["c.weight"])
    #expect(matching.onlyInFirst.map(\.name) == ["a.wte.weight", "b.wte.weight"])
    #expect(matching.onlyInSecond.map(\.name) == ["token_embd.weight"])
  }

  @Test func reorderingStops() throws {
    let (hf, ggml) = try Self.files()
    let pairs = ParameterMatching(hf.checkpoint, ggml.checkpoint).pairs
    let pair = try #require(pairs.first { $0.isReordered })
    #expect(throws: CheckpointError.stopped) {
      try pair.tensors(threads: 1, shouldStop: { true })
    }
  }
}
