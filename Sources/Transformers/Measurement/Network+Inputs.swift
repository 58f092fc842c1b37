internal import Models
public import Tensors

extension Network {
  /// Mean squares of the inputs of each block's linear layers over a text, by the
  /// name of the layer's weights, one number an input: what an error in a weight
  /// is multiplied with. The same for any number of threads. Throws `NetworkError`;
  /// see `evaluate` for the arguments.
  public func inputSquares(
    _ tokens: [Int], threads: Int = 2, shouldStop: @Sendable () -> Bool = { false },
    progress: (Double) -> Void = { _ in }
  ) throws -> [String: [Float]] {
    try inputSums(tokens, threads: threads, shouldStop: shouldStop, progress: progress).layers
      .compactMapValues(\.means)
  }

  /// The sums that those are means of, and how many tokens the windows have in which they were
  /// seen. Throws as `evaluate`, whose protocols cut the text.
  public func inputSums(
    _ tokens: [Int], protocol rule: EvaluationProtocol = .text, context: Int? = nil,
    firstToken: Int? = nil, threads: Int = 2, shouldStop: @Sendable () -> Bool = { false },
    progress: (Double) -> Void = { _ in }
  ) throws -> (layers: [String: InputSums], window: Int) {
    let text = try windowed(tokens, protocol: rule, context: context, firstToken: firstToken)
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
    var layers: [String: InputSums] = [:]
    for (id, sums) in inputs.sums {
      if let part = weights.model[id] { layers[part.parameter.name] = sums }
    }
    return (layers, text.window)
  }
}
