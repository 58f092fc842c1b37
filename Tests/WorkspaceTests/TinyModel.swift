import CheckpointIO
import Tensors
import TestSupport

/// A GPT of seeded weights: two blocks, 16 wide, 2 heads, context 16, whose
/// tokens are eight characters.
enum TinyModel {
  static let characters = Array("abcdefg\n").map(String.init)
  private static let width = 16
  private static let context = 16

  /// Writes it as a checkpoint and opens that.
  static func checkpoint(in folder: TemporaryFolder, isRunnable: Bool = true) throws -> Checkpoint {
    let path = folder.file("tiny.safetensors")
    let vocabulary = characters.map { $0 == "\n" ? "\"\\n\"" : "\"\($0)\"" }
    let plan = try SavePlan.make(
      parameters: parameters(isRunnable: isRunnable),
      metadata: [
        "pare.config": #"{"n_head": 2, "block_size": 16}"#,
        "pare.vocabulary": "[\(vocabulary.joined(separator: ","))]",
      ], form: .dense(nil))
    try plan.write(to: path)
    return try Checkpoint.open(path)
  }

  /// Characters in a seeded order.
  static func text(_ count: Int, seed: UInt64 = 3) -> String {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { _ in
      characters[Int.random(in: 0..<characters.count, using: &random)]
    }.joined()
  }

  private static func parameters(isRunnable: Bool) -> Parameters {
    var random = SplitMix64(seed: 1)
    func make(_ name: String, _ shape: Shape, scale: Float) -> Parameter {
      let values = (0..<shape.count).map { _ in
        Float.random(in: -1...1, using: &random) * scale
      }
      let tensor = Tensor(shape, values)
      return Parameter(
        name: name, shape: shape, dtype: .f32,
        place: Place(block: nil, layer: name, role: .other), load: { tensor })
    }
    var list = [make("wte.weight", [characters.count, width], scale: 1)]
    if isRunnable { list.append(make("wpe.weight", [context, width], scale: 0.5)) }
    for block in 0..<2 {
      let name = "h.\(block)."
      list.append(make(name + "ln_1.weight", [width], scale: 1))
      list.append(make(name + "attn.c_attn.weight", [3 * width, width], scale: 0.4))
      list.append(make(name + "attn.c_proj.weight", [width, width], scale: 0.4))
      list.append(make(name + "ln_2.weight", [width], scale: 1))
      list.append(make(name + "mlp.c_fc.weight", [4 * width, width], scale: 0.4))
      list.append(make(name + "mlp.c_proj.weight", [width, 4 * width], scale: 0.4))
    }
    list.append(make("ln_f.weight", [width], scale: 1))
    return Parameters(list)
  }
}
