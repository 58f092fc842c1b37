internal import Backend
public import Models
public import Tensors

/// A network that can be run. It is a value in all but name: nothing that is
/// asked of it changes it, and any number of threads may ask.
public final class Network: Sendable {
  public let configuration: ModelConfig
  /// Whether the head is the token embedding.
  public var isHeadTied: Bool { weights.model.isHeadTied }
  let weights: ModelWeights

  /// Recognises the family and checks that all parameters fit. Weights are read when the
  /// network is first run. What `revised` has read and both have in common is shared with it.
  /// Throws `NetworkError.notRunnable`.
  public static func make(
    _ parameters: Parameters, configuration: [String: String], sharing revised: Network? = nil
  ) throws -> Network {
    try make(parameters, configuration: configuration, sharing: revised, packs: nil)
  }

  /// The same; `packs` says whether its weights are packed for the matrix library, as those of
  /// small models are, or multiplied as the file has them.
  package static func make(
    _ parameters: Parameters, configuration: [String: String], sharing revised: Network? = nil,
    packs: Bool?
  ) throws -> Network {
    let model = try Model(running: parameters, configuration: configuration)
    return Network(
      model.config, ModelWeights(model, sharing: revised?.weights, packs: packs))
  }

  private init(_ configuration: ModelConfig, _ weights: ModelWeights) {
    self.configuration = configuration
    self.weights = weights
  }

  /// Why a checkpoint cannot be run, as a sentence; nil when it can.
  public static func obstacle(
    of parameters: Parameters, configuration: [String: String]
  ) -> String? {
    do {
      _ = try Model(running: parameters, configuration: configuration)
      return nil
    } catch {
      return "\(error)"
    }
  }

  /// What is taken for granted of a network that runs because no setting says it, in one
  /// sentence; nil where nothing is.
  public static func assumption(
    of parameters: Parameters, configuration: [String: String]
  ) -> String? {
    ModelCatalog.assumption(of: parameters, configuration: configuration)
  }

  /// Whether it has so many weights that each token takes its time.
  var isLarge: Bool { !weights.isPacked }

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
    let make: () throws -> ModelPass
  }

  /// Passes with room for `capacity` tokens in windows no longer than `window`.
  func maker(
    _ precision: Precision, threads: Int, capacity: Int, window: Int
  ) throws -> PassMaker {
    let (crew, one) = (try Crew(threads: threads), try Crew(threads: 1))
    try weights.prepare(precision, crew: crew)
    return PassMaker(crew: weights.isPacked ? crew : one) { [weights, configuration] in
      try ModelPass(
        weights, configuration, precision, crew: weights.isPacked ? Crew(threads: 1) : crew,
        capacity: capacity,
        length: window)
    }
  }

  /// What writes `streams` texts of at most `capacity` tokens.
  func streams(
    _ streams: Int, capacity: Int, _ precision: Precision, crew: Crew
  ) throws -> ModelStreams {
    try weights.prepare(precision, crew: crew)
    return try ModelStreams(
      weights, precision, crew: crew, streams: streams, capacity: capacity)
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
