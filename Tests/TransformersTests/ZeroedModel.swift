import Tensors
import TestSupport
import Transformers

/// A tiny network with channels of zeros.
struct ZeroedModel {
  static let settings = ["n_head": "4"]
  /// Width of a head.
  static let head = TinyModel.width / 4

  private(set) var parameters: Parameters
  private var generator: SplitMix64

  /// Still without zeros.
  init(seed: UInt64, hasBias: Bool) {
    parameters = TinyModel.parameters(seed: seed, hasBias: hasBias)
    generator = SplitMix64(seed: seed &+ 100)
  }

  /// Rows and columns drawn at random in every block, each with a chance of `share`;
  /// biases of some zero rows too.
  mutating func zeroAtRandom(_ share: Double = 0.4) {
    for block in 0..<2 {
      for layer in ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"] {
        let name = "h.\(block).\(layer)"
        guard let shape = parameters[name + ".weight"]?.shape else { continue }
        zero(name, rows: draw(shape.rows, share), bias: false)
        zero(name, rows: draw(shape.rows, share / 2), bias: true)
        zero(name, columns: draw(shape.columns, share / 4))
      }
    }
  }

  /// All value channels of some heads of a block.
  mutating func zero(heads: [Int], block: Int) {
    let head = ZeroedModel.head
    let rows = heads.flatMap { $0 * head..<($0 + 1) * head }.map { 2 * TinyModel.width + $0 }
    zero("h.\(block).attn.c_attn", rows: rows, bias: false)
  }

  /// All that a block's MLP reads.
  mutating func zeroMLP(block: Int) {
    zero("h.\(block).mlp.c_fc", rows: Array(0..<4 * TinyModel.width), bias: false)
  }

  mutating func zero(_ layer: String, rows: [Int], bias: Bool) {
    let rows = Set(rows)
    change(layer + ".weight") { row, _, value in rows.contains(row) ? 0 : value }
    if bias { change(layer + ".bias") { _, index, value in rows.contains(index) ? 0 : value } }
  }

  mutating func zero(_ layer: String, columns: [Int]) {
    let columns = Set(columns)
    change(layer + ".weight") { _, column, value in columns.contains(column) ? 0 : value }
  }

  mutating func change(_ name: String, _ value: (Int, Int, Float) -> Float) {
    guard let parameter = parameters[name], let tensor = try? parameter.tensor() else { return }
    let columns = parameter.shape.columns
    let values = tensor.array.enumerated().map { value($0 / columns, $0 % columns, $1) }
    parameters = parameters.replacing([
      parameter.replacing(Tensor(parameter.shape, values), grid: nil, mask: nil)
    ])
  }

  /// Without a tensor.
  mutating func remove(_ name: String) {
    parameters = Parameters(parameters.filter { $0.name != name })
  }

  private mutating func draw(_ count: Int, _ share: Double) -> [Int] {
    (0..<count).filter { _ in Double.random(in: 0..<1, using: &generator) < share }
  }
}
