import Tensors
import TestSupport
import Transformers

/// Small networks with random weights, for laws that need no reference.
enum TinyModel {
  static let context = 24
  static let vocabulary = 37
  static let width = 20

  /// Parameters in nanoGPT's names; odd sizes on purpose.
  static func parameters(
    seed: UInt64 = 1, hasBias: Bool = false, blocks: Int = 2, width: Int = width,
    prefix: String = ""
  ) -> Parameters {
    var generator = SplitMix64(seed: seed)
    var list: [Parameter] = []
    func add(_ name: String, _ shape: Shape, around center: Float = 0) {
      let values = (0..<shape.count).map { _ in
        center + Float.random(in: -0.4...0.4, using: &generator)
      }
      let tensor = Tensor(shape, values)
      list.append(
        Parameter(
          name: prefix + name, shape: shape, dtype: .f32,
          place: Place(block: nil, layer: name, role: .other), load: { tensor }))
    }
    func layer(_ name: String, _ rows: Int, _ columns: Int) {
      add(name + ".weight", [rows, columns])
      if hasBias { add(name + ".bias", [rows]) }
    }
    func norm(_ name: String) {
      add(name + ".weight", [width], around: 1)
      if hasBias { add(name + ".bias", [width]) }
    }
    add("wte.weight", [vocabulary, width])
    add("wpe.weight", [context, width])
    for block in 0..<blocks {
      norm("h.\(block).ln_1")
      layer("h.\(block).attn.c_attn", 3 * width, width)
      layer("h.\(block).attn.c_proj", width, width)
      norm("h.\(block).ln_2")
      layer("h.\(block).mlp.c_fc", 4 * width, width)
      layer("h.\(block).mlp.c_proj", width, 4 * width)
    }
    norm("ln_f")
    return Parameters(list)
  }

  static func network(seed: UInt64 = 1, hasBias: Bool = false) throws -> Network {
    try Network.make(parameters(seed: seed, hasBias: hasBias), configuration: ["n_head": "2"])
  }

  static func text(_ count: Int, seed: UInt64 = 7) -> [Int] {
    var generator = SplitMix64(seed: seed)
    return (0..<count).map { _ in Int.random(in: 0..<vocabulary, using: &generator) }
  }
}
