/// GPT-2's `Conv1D`, which keeps weights as `[in, out]`; nanoGPT's files have the same names for
/// matrices that are `[out, in]`.
public enum TransposedLayers {
  /// How the names of such matrices end.
  public static let names = [
    "attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight",
    "attn.q_attn.weight",
  ]
  /// The same of those with more outputs than inputs: `c_attn` makes three vectors of one, `c_fc`
  /// widens, usually fourfold. Their longer axis is that of outputs.
  public static let widening = ["attn.c_attn.weight", "c_fc.weight"]
  /// Models that are kept so where no shape tells.
  public static let types: Set = ["gpt2"]
}
