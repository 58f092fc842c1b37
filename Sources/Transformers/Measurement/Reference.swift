internal import Backend
internal import Models
internal import Synchronization
internal import Tensors

/// A network and a text against which others are measured. What the network says
/// about the text is kept when it is small, so that each comparison runs one
/// network and not two.
public final class Reference: Sendable {
  /// Logits up to this size are kept.
  public static let keptByteLimit = 64 << 20

  public let network: Network
  public let tokens: [Int]
  /// The reference's own figures.
  public let evaluation: Evaluation
  let text: WindowedText
  let precision: Precision
  let logits: Tensor?

  /// Runs `network` over `tokens` once. Throws `NetworkError`; see
  /// `Network.evaluate` for the arguments.
  public init(
    _ network: Network, tokens: [Int], precision: Precision = .f32, context: Int? = nil,
    threads: Int = 2,
    shouldStop: @Sendable () -> Bool = { false }, progress: (Double) -> Void = { _ in }
  ) throws {
    self.network = network
    self.tokens = tokens
    self.precision = precision
    text = try network.windowed(tokens, context: context)
    let vocabulary = network.configuration.vocabulary
    let byteCount = (tokens.count - 1).multipliedReportingOverflow(
      by: vocabulary * MemoryLayout<Float>.stride)
    guard !byteCount.overflow, byteCount.partialValue <= Reference.keptByteLimit else {
      logits = nil
      evaluation = try network.evaluate(
        tokens, precision: precision, context: context, threads: threads,
        shouldStop: shouldStop, progress: progress)
      return
    }
    (logits, evaluation) = try Reference.run(
      network, text, precision, threads: threads, shouldStop: shouldStop, progress: progress)
  }

  private static func run(
    _ network: Network, _ text: WindowedText, _ precision: Precision, threads: Int,
    shouldStop: @Sendable () -> Bool, progress: (Double) -> Void
  ) throws -> (Tensor, Evaluation) {
    let clock = ContinuousClock()
    let maker = try network.maker(
      precision, threads: threads, capacity: text.capacity, window: text.window)
    let start = clock.now
    let vocabulary = network.configuration.vocabulary
    let count = text.tokens.count - 1
    var total = 0.0
    var routers: [RouterLoad] = []
    let logits = unsafe try Tensor([count, vocabulary]) { target in
      let target = unsafe target.baseAddress.unsafelyUnwrapped
      let parts = try text.map(
        crew: maker.crew, shouldStop: shouldStop, progress: progress, worker: maker.make
      ) { pass, group in
        let routed = network.configuration.experts != nil ? RoutedTokens() : nil
        try pass.run(
          text.tokens[group], window: text.window, shouldStop: shouldStop, observer: routed)
        var sum = 0.0
        try unsafe pass.forEachChunk(of: group, in: group) { rows, logits in
          let place = unsafe target + rows.lowerBound * vocabulary
          unsafe place.initialize(from: logits, count: rows.count * vocabulary)
          sum += unsafe text.losses(rows, logits, of: pass).reduce(0, +)
        }
        return (sum: sum, experts: routed?.experts ?? [:])
      }
      total = parts.reduce(0) { $0 + $1.sum }
      routers = network.weights.routerLoads(parts.map(\.experts))
    }
    let seconds = start.duration(to: clock.now).seconds
    let evaluation = Evaluation(
      loss: total / Double(count), tokens: count, seconds: seconds, routers: routers)
    return (logits, evaluation)
  }
}
