public import Compression
import Jobs
import Models
import Synchronization
import Tensors
import TestSupport
public import Testing

/// Models of a few seeded weights, in the layout of the real ones.
enum SmallModel {
  /// Two blocks of two layers each, with an embedding, a norm and a buffer.
  static func parameters(seed: UInt64 = 1) -> Parameters {
    var generator = SplitMix64(seed: seed)
    var list = [embedding(&generator)]
    for block in 0..<2 {
      list.append(linear("h.\(block).fc", block: block, [12, 10], &generator))
      list.append(norm("h.\(block).ln", block: block, [10]))
      list.append(linear("h.\(block).proj", block: block, [10, 12], &generator))
    }
    return Parameters(list)
  }

  /// One layer with the values given, in block 0.
  static func layer(_ shape: Shape, _ values: [Float], mask: Mask? = nil) -> Parameters {
    let tensor = Tensor(shape, values)
    return Parameters([
      Parameter(
        name: "w", shape: shape, dtype: .f32, place: Place(block: 0, layer: "w", role: .linear),
        mask: mask, load: { tensor })
    ])
  }

  /// A layer of seeded, roughly normal weights.
  static func normal(_ shape: Shape, seed: UInt64 = 1) -> Parameters {
    var generator = SplitMix64(seed: seed)
    return layer(shape, gaussian(shape.count, &generator))
  }

  private static func embedding(_ generator: inout SplitMix64) -> Parameter {
    let tensor = Tensor([7, 10], gaussian(70, &generator))
    return Parameter(
      name: "wte", shape: [7, 10], dtype: .f32,
      place: Place(block: nil, layer: "wte", role: .embedding), load: { tensor })
  }

  private static func linear(
    _ name: String, block: Int, _ shape: Shape, _ generator: inout SplitMix64
  ) -> Parameter {
    let tensor = Tensor(shape, gaussian(shape.count, &generator))
    let layer = String(name.split(separator: ".").last ?? "")
    return Parameter(
      name: name, shape: shape, dtype: .bf16,
      place: Place(block: block, layer: layer, role: .linear), load: { tensor })
  }

  private static func norm(_ name: String, block: Int, _ shape: Shape) -> Parameter {
    let tensor = Tensor(shape, [Float](repeating: 1, count: shape.count))
    return Parameter(
      name: name, shape: shape, dtype: .f32,
      place: Place(block: block, layer: "ln", role: .norm), load: { tensor })
  }

  /// Sums of twelve uniform numbers less six: near enough to normal, σ = 0.02.
  private static func gaussian(_ count: Int, _ generator: inout SplitMix64) -> [Float] {
    (0..<count).map { _ in
      let sum = (0..<12).reduce(Float(-6)) { sum, _ in
        sum + Float.random(in: 0..<1, using: &generator)
      }
      return sum * 0.02
    }
  }
}

extension WeightPass {
  /// The pass over all linear layers, by one thread or more, nobody watching.
  func run(
    on parameters: Parameters, layers: LayerSelection = .all, threads: Int = 1
  ) throws -> Parameters {
    try apply(to: parameters, layers: layers, in: JobContext(threads: threads))
  }
}

extension Parameters {
  /// Name and bits of every value, for comparing to the last bit.
  func bits() throws -> [String: [UInt32]] {
    try Dictionary(uniqueKeysWithValues: map { ($0.name, try $0.tensor().array.map(\.bitPattern)) })
  }

  /// Values of the only layer.
  func values() throws -> [Float] { try first?.tensor().array ?? [] }
}

extension Step {
  /// What the step makes of parameters without settings.
  func apply(to parameters: Parameters, in job: borrowing JobContext) throws -> Parameters {
    try apply(to: ModelState(parameters, configuration: [:]), in: job).parameters
  }

  /// Settings that differ from the defaults, as recipes write them; with the
  /// pass's name they give the same step back.
  var fields: [(name: String, text: String)] {
    zip(allFields, Step(pass: type(of: pass).init()).allFields).filter { $0.text != $1.text }
      .map { $0.0 }
  }

  /// All settings, as recipes write them.
  var allFields: [(name: String, text: String)] {
    pass.settings.map { ($0.name, $0.value.description) }
  }
}

extension Step: CustomTestStringConvertible {
  /// The step as a recipe would have it.
  public var testDescription: String {
    ([passName] + fields.map { "\($0.name)=\($0.text)" }).joined(separator: " ")
  }
}
