package import Backend
package import Models
package import Tensors

/// A model that runs a text stage by stage, so that what goes into layers can be seen and the layers
/// changed before they are run: what a pass makes of a block is what the next one reads.
package final class LayerwiseRun {
  package let model: Model
  package let crew: Crew
  package let hands: [Hand]
  private let weights: ChangingWeights
  private let pass: ModelPass
  private let runs: [ModelPass.Run]
  private let count: Int

  /// Runs sequences of `length` tokens, one after the other in `tokens`, whose number is a multiple of
  /// it. All are in memory at once. Throws `NetworkError`, and what reading weights throws.
  package init(
    _ state: ModelState, _ tokens: [Int], length: Int, crew: Crew,
    shouldStop: @escaping @Sendable () -> Bool
  ) throws {
    let network = try Network.make(
      state.parameters, configuration: state.configuration, packs: false)
    guard length <= network.configuration.context else {
      throw NetworkError.contextOverflow(
        tokens: length, context: network.configuration.context)
    }
    model = network.weights.model
    weights = ChangingWeights(network.weights)
    self.crew = crew
    hands = try (0..<crew.threads).map { _ in try Hand() }
    count = tokens.count
    runs = ModelPass.windows(tokens.count, of: length)
    pass = try ModelPass(
      weights, network.configuration, .bf16, crew: crew, capacity: tokens.count, length: length)
    pass.isStopped = shouldStop
    pass.begin(try network.checked(tokens)[...], runs)
  }

  package var stageCount: Int { pass.stageCount }

  /// The parameters of a stage's layers by the layers' names in the model, each once; empty of a
  /// stage without layers.
  package func parameters(of stage: Int) -> [Parameter] {
    var found: [Parameter] = []
    for id in pass.layers(of: stage).ids {
      guard let part = model.part(id), !found.contains(where: { $0.name == part.parameter.name })
      else { continue }
      found.append(part.parameter)
    }
    return found
  }

  /// Adds what goes into a stage's layers, and how far it is from what goes into those of `before`,
  /// which has run as far. Throws `BackendError`.
  package func add(
    to products: InputProducts, stage: Int, before: LayerwiseRun?,
    shouldStop: @Sendable () -> Bool
  ) throws {
    guard let inputs = pass.layers(of: stage).inputs else { return }
    precondition(inputs.stride == products.columns)
    let others = before?.pass.layers(of: stage).inputs
    try unsafe products.add(
      count, inputs.floats(), before: others?.floats(), crew: crew, hands: hands,
      shouldStop: shouldStop)
  }

  /// Puts another parameter in the place of one of the same name, for stages to come.
  package func replace(by parameter: Parameter) { weights.changed[parameter.name] = parameter }

  /// Runs a stage; all before it have been run. Throws `NetworkError.stopped`.
  package func take(stage: Int) throws {
    try pass.take(stage: stage, runs, count: count)
    weights.forgetLayers()
  }
}

/// A model's weights, some of them replaced.
private final class ChangingWeights: PassWeights {
  private let base: ModelWeights
  /// By name.
  var changed: [String: Parameter] = [:]
  private var layers: [TensorID: PanelLinear] = [:]

  init(_ base: ModelWeights) { self.base = base }

  var isPacked: Bool { false }
  var isHalf: Bool { false }
  func isJoined(_ block: Int) -> Bool { base.isJoined(block) }

  func linear(_ id: TensorID, _ precision: Precision) throws -> any LinearWeights {
    if let known = layers[id] { return known }
    guard let part = base.model.part(id), let parameter = changed[part.parameter.name] else {
      return try base.linear(id, precision)
    }
    let layer = try PanelLinear(
      Model.Part(parameter: parameter, rows: part.rows), base.model.part(id.bias), precision)
    layers[id] = layer
    return layer
  }

  /// Lets go of layers that have been run.
  func forgetLayers() { layers = [:] }

  func withVector<R>(
    _ id: TensorID, _ body: (UnsafeBufferPointer<Float>?) throws -> R
  ) throws -> R {
    try unsafe base.withVector(id, body)
  }

  func embedding(_ role: TensorRole) throws -> any EmbeddingRows { try base.embedding(role) }
  func ropeDivisors(length: Int, original: Int?) throws -> [Float]? {
    try base.ropeDivisors(length: length, original: original)
  }
  func check() throws { try base.check() }
}
