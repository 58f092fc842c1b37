import Models
import Tensors
import TestSupport

/// A network that can be run, with channels that are zero: two heads and twelve hidden channels
/// a block.
enum RunnableModel {
  static let settings = ["n_head": "2"]
  static let width = 8
  static let hidden = 12

  static func state(seed: UInt64 = 1) -> ModelState {
    ModelState(parameters(seed: seed), configuration: settings, texts: SeededTexts())
  }

  /// In nanoGPT's names. Of block 0 three hidden channels and a channel of values are zero, of
  /// block 1 the second head's values.
  static func parameters(seed: UInt64 = 1) -> Parameters {
    var generator = SplitMix64(seed: seed)
    var list: [Parameter] = []
    func add(
      _ name: String, _ shape: Shape, _ place: Place, rows zeros: Set<Int> = [],
      constant: Float? = nil
    ) {
      let values = (0..<shape.count).map { index -> Float in
        let value = constant ?? Float.random(in: -0.5...0.5, using: &generator)
        return zeros.contains(index / shape.columns) ? 0 : value
      }
      let tensor = Tensor(shape, values)
      list.append(
        Parameter(name: name, shape: shape, dtype: .f32, place: place, load: { tensor }))
    }
    func norm(_ name: String, _ block: Int?) {
      add(
        name + ".weight", [width], Place(block: block, layer: name, role: .norm), constant: 1)
    }
    func layer(_ name: String, _ block: Int, _ shape: Shape, rows: Set<Int> = []) {
      let place = Place(block: block, layer: name, role: .linear)
      add("h.\(block).\(name).weight", shape, place, rows: rows)
    }
    add("wte.weight", [7, width], Place(block: nil, layer: "wte", role: .embedding))
    add("wpe.weight", [6, width], Place(block: nil, layer: "wpe", role: .embedding))
    for block in 0..<2 {
      norm("h.\(block).ln_1", block)
      // Queries, keys, values.
      layer(
        "attn.c_attn", block, [3 * width, width],
        rows: block == 0 ? [2 * width + 1] : Set(2 * width + 4..<3 * width))
      layer("attn.c_proj", block, [width, width])
      norm("h.\(block).ln_2", block)
      layer("mlp.c_fc", block, [hidden, width], rows: block == 0 ? [0, 5, 6] : [])
      layer("mlp.c_proj", block, [width, hidden])
    }
    norm("ln_f", nil)
    return Parameters(list)
  }
}

/// Texts of any length for a model of seven tokens.
struct SeededTexts: CalibrationTexts {
  var longest = 400

  func tokens(
    of path: String, count: Int, threads: Int, shouldStop: @escaping @Sendable () -> Bool
  ) throws -> [Int] {
    var generator = SplitMix64(seed: Fingerprint(of: path.utf8).value)
    return (0..<min(count, longest)).map { _ in Int.random(in: 0..<7, using: &generator) }
  }

  func mark(of path: String) throws -> String { path.isEmpty ? "" : "mark of \(path)" }
}
