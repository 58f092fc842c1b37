import Tensors
import TestSupport
import Training
import Transformers

/// Small networks with random weights; odd sizes on purpose.
enum SmallModel {
  static let vocabulary = 37
  static let context = 75

  static func parameters(
    seed: UInt64 = 1, hasBias: Bool = false, width: Int = 20, blocks: Int = 2
  ) -> Parameters {
    var generator = SplitMix64(seed: seed)
    var list: [Parameter] = []
    func add(_ name: String, _ shape: Shape, _ place: Place, around center: Float = 0) {
      let values = (0..<shape.count).map { _ in
        center + Float.random(in: -0.4...0.4, using: &generator)
      }
      let tensor = Tensor(shape, values)
      list.append(
        Parameter(name: name, shape: shape, dtype: .f32, place: place, load: { tensor }))
    }
    func layer(_ block: Int, _ name: String, _ rows: Int, _ columns: Int) {
      let place = Place(block: block, layer: name, role: .linear)
      add("h.\(block).\(name).weight", [rows, columns], place)
      if hasBias {
        add(
          "h.\(block).\(name).bias", [rows], Place(block: block, layer: name + ".bias", role: .bias)
        )
      }
    }
    func norm(_ name: String, block: Int?) {
      let place = Place(block: block, layer: name, role: .norm)
      add(name + ".weight", [width], place, around: 1)
      if hasBias { add(name + ".bias", [width], place) }
    }
    add("wte.weight", [vocabulary, width], Place(block: nil, layer: "wte", role: .embedding))
    add("wpe.weight", [context, width], Place(block: nil, layer: "wpe", role: .embedding))
    for block in 0..<blocks {
      norm("h.\(block).ln_1", block: block)
      layer(block, "attn.c_attn", 3 * width, width)
      layer(block, "attn.c_proj", width, width)
      norm("h.\(block).ln_2", block: block)
      layer(block, "mlp.c_fc", 4 * width, width)
      layer(block, "mlp.c_proj", width, 4 * width)
    }
    norm("ln_f", block: nil)
    return Parameters(list)
  }

  static func network(
    hasBias: Bool = false, isTanh: Bool = false, precision: Precision = .f32, threads: Int = 1
  ) throws -> TrainingNetwork {
    try TrainingNetwork(
      parameters(hasBias: hasBias),
      configuration: [
        "n_head": "2", "activation_function": isTanh ? "gelu_new" : "gelu",
      ], precision: precision, threads: threads)
  }

  static func tokens(_ count: Int, seed: UInt64) -> [Int32] {
    var generator = SplitMix64(seed: seed)
    return (0..<count).map { _ in Int32.random(in: 0..<Int32(vocabulary), using: &generator) }
  }
}
