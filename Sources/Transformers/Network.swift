internal import Synchronization
public import Tensors

/// A network that can be run. It is a value in all but name: nothing that is
/// asked of it changes it, and any number of threads may ask.
public final class Network: Sendable {
  public let configuration: Configuration
  let blueprint: Blueprint
  let layers: LinearLayers
  private let prepared = Mutex<[Precision: ReadyNetwork]>([:])

  /// Recognises the architecture and checks that all parameters fit. Weights are
  /// read when the network is first run. What `revised` has read and both have in
  /// common is shared with it. Throws `NetworkError.notRunnable`.
  public static func make(
    _ parameters: Parameters, configuration: [String: String], sharing revised: Network? = nil
  ) throws -> Network {
    let blueprint = try ArchitectureCatalog.blueprint(
      of: parameters, configuration: configuration)
    return Network(blueprint, sharing: revised)
  }

  init(_ blueprint: Blueprint, sharing revised: Network?) {
    self.blueprint = blueprint
    configuration = blueprint.configuration
    layers = LinearLayers(blueprint, sharing: revised?.layers)
  }

  /// Logits `(T, V)` of one context of T tokens. Throws `NetworkError`.
  public func logits(_ tokens: [Int], precision: Precision = .f32) throws -> Tensor {
    guard !tokens.isEmpty else { throw NetworkError.textTooShort(tokens: 0, needed: 1) }
    guard tokens.count <= configuration.context else {
      throw NetworkError.contextOverflow(
        tokens: tokens.count, context: configuration.context)
    }
    let inputs = try checked(tokens)
    let ready = try ready(precision, crew: Crew(threads: 1))
    let pass = try ForwardPass(ready, capacity: inputs.count, window: inputs.count)
    try pass.run(inputs[...], window: inputs.count)
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

  /// The weights, read and packed.
  func ready(_ precision: Precision, crew: Crew) throws -> ReadyNetwork {
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
