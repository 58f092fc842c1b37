internal import Models
internal import Tensors

extension Network {
  /// Mean squares of the inputs of each block's linear layers over a text, by the
  /// name of the layer's weights, one number an input: what an error in a weight
  /// is multiplied with. The same for any number of threads. Throws `NetworkError`;
  /// see `evaluate` for the arguments.
  public func inputSquares(
    _ tokens: [Int], threads: Int = 2, shouldStop: @Sendable () -> Bool = { false },
    progress: (Double) -> Void = { _ in }
  ) throws -> [String: [Float]] {
    let text = try windowed(tokens)
    switch engine {
    case .gpt(let blueprint, let layers):
      return try inputSquares(
        text, blueprint, layers, threads: threads, shouldStop: shouldStop, progress: progress)
    case .model(let weights):
      return try inputSquares(
        text, weights, threads: threads, shouldStop: shouldStop, progress: progress)
    }
  }

  private func inputSquares(
    _ text: WindowedText, _ weights: ModelWeights, threads: Int,
    shouldStop: @Sendable () -> Bool, progress: (Double) -> Void
  ) throws -> [String: [Float]] {
    let pass = try ModelPass(
      weights, crew: Crew(threads: threads), capacity: text.capacity, length: text.window)
    let inputs = ModelInputs()
    for (index, group) in text.groups.enumerated() {
      try pass.run(
        text.tokens[group], ModelPass.windows(group.count, of: text.window),
        shouldStop: shouldStop, inputs: inputs)
      progress(Double(index + 1) / Double(text.groups.count))
    }
    var squares: [String: [Float]] = [:]
    for (id, sums) in inputs.sums where sums.rows > 0 {
      guard let part = weights.model[id], part.parameter.place.role == .linear else { continue }
      squares[part.parameter.name] = sums.squares.map { Float($0 / Double(sums.rows)) }
    }
    return squares
  }

  private func inputSquares(
    _ text: WindowedText, _ blueprint: Blueprint, _ layers: LinearLayers, threads: Int,
    shouldStop: @Sendable () -> Bool, progress: (Double) -> Void
  ) throws -> [String: [Float]] {
    let crew = try Crew(threads: threads)
    let ready = try ready(blueprint, layers, .f32, crew: crew)
    let sums = try text.map(
      crew: crew, shouldStop: shouldStop, progress: progress,
      worker: { try ForwardPass(ready, capacity: text.capacity, window: text.window) }
    ) { pass, group in
      let sums = InputSums()
      try pass.run(
        text.tokens[group], window: text.window, shouldStop: shouldStop, inputs: sums)
      return sums.squares
    }
    let count = Double(text.groups.reduce(0) { $0 + $1.count })
    var squares: [String: [Float]] = [:]
    let layers = blueprint.blocks.flatMap {
      [$0.attention, $0.attentionOutput, $0.mlp, $0.mlpOutput]
    }
    for (index, layer) in layers.enumerated() {
      let means = (0..<layer.weight.shape.columns).map { column in
        sums.reduce(0.0) { $0 + $1[index][column] } / count
      }
      squares[layer.weight.name] = means.map { Float($0) }
    }
    return squares
  }
}

/// Sums of squares of what goes into linear layers, in the order they are run.
final class InputSums {
  private(set) var squares: [[Double]] = []

  /// Adds a layer whose input is `rows × columns`.
  func add(_ input: UnsafePointer<Float>, rows: Int, columns: Int) {
    var sums = [Double](repeating: 0, count: columns)
    for row in 0..<rows {
      for column in 0..<columns {
        let value = Double(unsafe input[row * columns + column])
        sums[column] += value * value
      }
    }
    squares.append(sums)
  }
}
