/// Words in names of tensors that tell what they are for in families of any kind, also of those
/// that do not run.
public enum LayerWords {
  /// Under which models number their blocks: `transformer.h.3`.
  public static let containers = [
    "h", "layers", "layer", "blocks", "block", "blk", "resblocks", "transformer_blocks",
    "trf_blocks", "tf_blocks", "transformer_layers", "encoder_layers", "decoder_layers",
  ]
  /// Of layers that score experts, or the ends of their names.
  public static let routers = [
    "gate", "router", "router.classifier", "router.layer", "gate.wg", "shared_expert_gate",
    "ffn_gate_inp", "ffn_gate_inp_shexp",
  ]
  /// Of layers of experts, one by one or all of a block's at once.
  public static let experts: [StaticString] = ["experts.", "_exps."]
  /// How llama.cpp's name of a layer of all experts ends.
  public static let stackEnding = "_exps"
  /// In the names of norms, and with which names of norms end, in lower case.
  public static let norm: StaticString = "norm"
  public static let normEndings = ["ln_f", "ln_1", "ln_2", "ln"]
  /// Of heads outside the blocks.
  public static let heads = ["lm_head", "head", "output", "embed_out", "classifier", "score"]
  /// In the names of tables of vectors.
  public static let embeddings: [StaticString] = [
    "wte", "wpe", "embed", "embd", "token_types", "attention_bias",
  ]
  /// Of a head and of token embeddings, which may be one tensor under two names.
  public static let tiedHead = "lm_head.weight"
  public static let tiedEmbeddings = ["wte.weight", "embed_tokens.weight"]
  /// By which nanoGPT's own files are told.
  public static let nanoGPTEmbedding = "transformer.wte.weight"
}

/// What a tensor holds that has a layer of all of a block's experts, by its name.
public struct StackedLayers: Sendable {
  /// What its name ends with.
  public let ending: String
  /// What the names of the experts' own tensors begin with in its place.
  public let stem: String
  /// The layers of each expert, whose outputs stand in it one after another or in turn.
  public let layers: [String]
  public let isBias: Bool

  private init(
    _ ending: String, _ layers: [String], stem: String = "experts.", isBias: Bool = false
  ) {
    (self.ending, self.layers, self.stem, self.isBias) = (ending, layers, stem, isBias)
  }

  /// Layers that are one, and the one whose outputs are the block's.
  public static let joined = ["gate_proj", "up_proj"]
  public static let down = "down_proj"
  /// Of one expert, or of all, without what stands before and behind.
  private static let names = [
    ("gate_up_proj", joined), (down, [down]), ("gate_proj", ["gate_proj"]),
    ("up_proj", ["up_proj"]),
  ]
  public static let biases = names.map { StackedLayers("experts.\($0)_bias", $1, isBias: true) }
  /// The last two are Granite's.
  public static let weights: [StackedLayers] =
    names.flatMap { name, layers in
      [StackedLayers("experts.\(name)", layers), StackedLayers("experts.\(name).weight", layers)]
    } + [
      StackedLayers(
        "block_sparse_moe.input_linear.weight", joined, stem: "block_sparse_moe.experts."),
      StackedLayers(
        "block_sparse_moe.output_linear.weight", [down], stem: "block_sparse_moe.experts."),
    ]
  /// Models whose stacks have inputs in the middle, where no shape tells.
  public static let middle: Set = ["gpt_oss", "llama4", "llama4_text"]

  /// The layers in a stack that is called so.
  public static func layers(of name: String) -> [String] {
    names.first { $0.0 == name }?.1 ?? [name]
  }
}
