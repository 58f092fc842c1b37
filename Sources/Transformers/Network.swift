internal import Models
internal import Synchronization
public import Tensors

/// A network that can be run. It is a value in all but name: nothing that is
/// asked of it changes it, and any number of threads may ask.
public final class Network: Sendable {
  public let configuration: Configuration
  /// What runs it.
  enum Engine: Sendable {
    case gpt(Blueprint, LinearLayers)
    case model(ModelWeights)
  }

  let engine: Engine
  private let prepared = Mutex<[Precision: ReadyNetwork]>([:])

  /// Recognises the architecture and checks that all parameters fit. Weights are
  /// read when the network is first run. What `revised` has read and both have in
  /// common is shared with it. Throws `NetworkError.notRunnable`.
  public static func make(
    _ parameters: Parameters, configuration: [String: String], sharing revised: Network? = nil
  ) throws -> Network {
    switch try ArchitectureCatalog.plan(of: parameters, configuration: configuration) {
    case .gpt(let blueprint): Network(blueprint, sharing: revised)
    case .model(let model): Network(model, sharing: revised)
    }
  }

  init(_ blueprint: Blueprint, sharing revised: Network?) {
    configuration = blueprint.configuration
    var known: LinearLayers?
    if case .gpt(_, let layers)? = revised?.engine { known = layers }
    engine = .gpt(blueprint, LinearLayers(blueprint, sharing: known))
  }

  private init(_ model: Model, sharing revised: Network?) {
    configuration = Configuration(model)
    var known: ModelWeights?
    if case .model(let weights)? = revised?.engine { known = weights }
    engine = .model(ModelWeights(model, sharing: known))
  }

  /// Whether it has so many weights that each token takes its time.
  var isLarge: Bool {
    guard case .model(let weights) = engine else { return false }
    return weights.model.weightCount > ReferenceText.largeWeights
  }

  /// Logits `(T, V)` of one context of T tokens. Throws `NetworkError`.
  public func logits(_ tokens: [Int], precision: Precision = .f32) throws -> Tensor {
    guard !tokens.isEmpty else { throw NetworkError.textTooShort(tokens: 0, needed: 1) }
    guard tokens.count <= configuration.context else {
      throw NetworkError.contextOverflow(
        tokens: tokens.count, context: configuration.context)
    }
    let inputs = try checked(tokens)
    let maker = try maker(precision, threads: 1, capacity: inputs.count, window: inputs.count)
    let pass = try maker.make()
    try pass.run(inputs[...], window: inputs.count, shouldStop: { false })
    let vocabulary = configuration.vocabulary
    return unsafe try Tensor([inputs.count, vocabulary]) { target in
      for first in stride(from: 0, to: inputs.count, by: pass.logitRows) {
        let count = min(pass.logitRows, inputs.count - first)
        try unsafe pass.logits(from: first, count: count) { logits in
          let place = unsafe target.baseAddress.unsafelyUnwrapped + first * vocabulary
          unsafe place.initialize(from: logits, count: count * vocabulary)
        }
      }
    }
  }

  /// What makes passes over windows, for the threads of a crew.
  struct PassMaker {
    /// The threads that share out windows: one, where each product is shared out.
    let crew: Crew
    let make: () throws -> any WindowPass
  }

  /// Passes with room for `capacity` tokens in windows no longer than `window`.
  func maker(
    _ precision: Precision, threads: Int, capacity: Int, window: Int
  ) throws -> PassMaker {
    let crew = try Crew(threads: threads)
    switch engine {
    case .gpt(let blueprint, let layers):
      let ready = try ready(blueprint, layers, precision, crew: crew)
      return PassMaker(crew: crew) {
        try ForwardPass(ready, capacity: capacity, window: window)
      }
    case .model(let weights):
      return PassMaker(crew: try Crew(threads: 1)) {
        try ModelPass(weights, crew: crew, capacity: capacity, length: window)
      }
    }
  }

  /// What writes `streams` texts of at most `capacity` tokens.
  func streams(
    _ streams: Int, capacity: Int, _ precision: Precision, crew: Crew
  ) throws -> any StreamPass {
    switch engine {
    case .gpt(let blueprint, let layers):
      let ready = try ready(blueprint, layers, precision, crew: crew)
      return try GPTStreams(ready, crew: crew, streams: streams, capacity: capacity)
    case .model(let weights):
      return try ModelStreams(weights, crew: crew, streams: streams, capacity: capacity)
    }
  }

  /// The weights, read and packed.
  func ready(
    _ blueprint: Blueprint, _ layers: LinearLayers, _ precision: Precision, crew: Crew
  ) throws -> ReadyNetwork {
    if let known = prepared.withLock({ $0[precision] }) { return known }
    let ready = try ReadyNetwork(blueprint, layers, precision, crew: crew)
    prepared.withLock { $0[precision] = ready }
    return ready
  }

  /// Tokens as the kernels read them; throws at the first outside the vocabulary.
  func checked(_ tokens: [Int]) throws -> [Int32] {
    let range = 0..<configuration.vocabulary
    if let position = tokens.firstIndex(where: { !range.contains($0) }) {
      throw NetworkError.tokenOutOfRange(
        token: tokens[position], position: position, vocabulary: range.count)
    }
    return tokens.map { Int32(truncatingIfNeeded: $0) }
  }
}
