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
    let maker = try maker(.f32, threads: threads, capacity: text.capacity, window: text.window)
    let groups = try text.map(
      crew: maker.crew, shouldStop: shouldStop, progress: progress, worker: maker.make
    ) { pass, group in
      let inputs = ModelInputs()
      try pass.run(
        text.tokens[group], window: text.window, shouldStop: shouldStop, observer: inputs)
      return inputs.sums
    }
    let inputs = ModelInputs()
    for group in groups { inputs.add(group) }
    var squares: [String: [Float]] = [:]
    for (id, sum) in inputs.sums where sum.rows > 0 {
      guard let part = weights.model[id] else { continue }
      squares[part.parameter.name] = sum.squares.map { Float($0 / Double(sum.rows)) }
    }
    return squares
  }
}
