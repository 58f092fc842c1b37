internal import Backend
internal import Models
internal import Tensors

extension Network {
  /// KL(reference ‖ self), top-1 agreement and both losses over the reference's
  /// text. Deterministic for any number of threads. Throws `NetworkError`.
  public func compare(
    to reference: Reference, threads: Int = 2, shouldStop: @Sendable () -> Bool = { false },
    progress: (Double) -> Void = { _ in }
  ) throws -> Comparison {
    try require(comparableWith: reference.network)
    let text = reference.text
    let clock = ContinuousClock()
    func maker(_ network: Network) throws -> PassMaker {
      try network.maker(
        reference.precision, threads: threads, capacity: text.capacity, window: text.window)
    }
    let own = try maker(self)
    let other = reference.logits == nil ? try maker(reference.network) : nil
    let start = clock.now
    let parts = try text.map(
      crew: own.crew, shouldStop: shouldStop, progress: progress,
      worker: {
        ComparingWorker(
          try own.make(), try other?.make(), reference.logits, text,
          vocabulary: configuration.vocabulary)
      }
    ) { try $0.compare($1, shouldStop: shouldStop) }
    let count = text.tokens.count - 1
    let total = parts.reduce(into: DifferenceSums()) { $0.add($1.sums) }
    return total.comparison(
      count: count, seconds: start.duration(to: clock.now).seconds,
      routers: weights.routerLoads(parts.map(\.experts)))
  }

  /// The same against another network that is run side by side on `tokens`.
  public func compare(
    to reference: Network, tokens: [Int], precision: Precision = .f32, threads: Int = 2,
    shouldStop: @Sendable () -> Bool = { false }, progress: (Double) -> Void = { _ in }
  ) throws -> Comparison {
    let kept = try Reference(
      reference, tokens: tokens, precision: precision, threads: threads, shouldStop: shouldStop,
      progress: { progress($0 / 2) })
    return try compare(
      to: kept, threads: threads, shouldStop: shouldStop, progress: { progress(0.5 + $0 / 2) })
  }

  private func require(comparableWith other: Network) throws {
    let (own, others) = (configuration, other.configuration)
    guard own.vocabulary == others.vocabulary else {
      throw NetworkError.differentVocabularies(own.vocabulary, others.vocabulary)
    }
    guard own.context == others.context else {
      throw NetworkError.badSetting(
        "Networks with contexts of \(own.context) and \(others.context) cannot be compared.")
    }
  }
}

/// Sums over the tokens of a group.
private struct DifferenceSums: Sendable {
  var loss = 0.0
  var referenceLoss = 0.0
  var divergence = 0.0
  var agreed = 0

  mutating func add(_ other: DifferenceSums) {
    loss += other.loss
    referenceLoss += other.referenceLoss
    divergence += other.divergence
    agreed += other.agreed
  }

  func comparison(count: Int, seconds: Double, routers: [RouterLoad]) -> Comparison {
    let count = Double(count)
    return Comparison(
      evaluation: Evaluation(
        loss: loss / count, tokens: Int(count), seconds: seconds, routers: routers),
      referenceLoss: referenceLoss / count, divergence: max(divergence / count, 0),
      agreement: Double(agreed) / count)
  }
}

/// One thread's forward pass, and where the reference's logits come from: memory,
/// or a second pass beside the first.
private final class ComparingWorker {
  private let own: ModelPass
  private let other: ModelPass?
  private let kept: Tensor?
  private let text: WindowedText
  private let vocabulary: Int

  init(
    _ own: ModelPass, _ other: ModelPass?, _ kept: Tensor?, _ text: WindowedText,
    vocabulary: Int
  ) {
    self.own = own
    self.other = other
    self.kept = kept
    self.text = text
    self.vocabulary = vocabulary
  }

  func compare(
    _ group: Range<Int>, shouldStop: () -> Bool
  ) throws -> (sums: DifferenceSums, experts: [Int: [RouterLoad.Expert]]) {
    let routed = own.config.experts != nil ? RoutedTokens() : nil
    try own.run(
      text.tokens[group], window: text.window, shouldStop: shouldStop, observer: routed)
    try other?.run(text.tokens[group], window: text.window, shouldStop: shouldStop)
    var sums = DifferenceSums()
    try unsafe own.forEachChunk(of: group, in: group) { rows, logits in
      try unsafe withReference(rows, in: group) { reference in
        unsafe sums.add(difference(rows, reference, logits))
      }
    }
    return (sums, routed?.experts ?? [:])
  }

  private func withReference(
    _ rows: Range<Int>, in group: Range<Int>, _ body: (UnsafePointer<Float>) -> Void
  ) throws {
    if let other {
      let first = rows.lowerBound - group.lowerBound
      return try unsafe other.logits(from: first, count: rows.count, body)
    }
    unsafe kept?.withUnsafeValues {
      unsafe body($0.baseAddress.unsafelyUnwrapped + rows.lowerBound * vocabulary)
    }
  }

  private func difference(
    _ rows: Range<Int>, _ reference: UnsafePointer<Float>, _ logits: UnsafePointer<Float>
  ) -> DifferenceSums {
    var sums = DifferenceSums()
    sums.loss = unsafe text.losses(rows, logits, of: own).reduce(0, +)
    sums.referenceLoss =
      unsafe text.losses(rows, reference, of: own).reduce(0, +)
    let divergences = unsafe [Double](unsafeUninitializedCapacity: rows.count) { target, count in
      guard let target = target.baseAddress else { return }
      own.forEachRows(of: rows.count) { some in
        let skip = some.lowerBound * vocabulary
        unsafe Processor.divergence(
          some.count, vocabulary, reference + skip, logits + skip, into: target + some.lowerBound)
      }
      count = rows.count
    }
    sums.divergence = divergences.reduce(0, +)
    sums.agreed = zip(unsafe likeliest(rows, reference), unsafe likeliest(rows, logits))
      .reduce(0) { $0 + ($1.0 == $1.1 ? 1 : 0) }
    return sums
  }

  private func likeliest(_ rows: Range<Int>, _ logits: UnsafePointer<Float>) -> [Int32] {
    unsafe [Int32](unsafeUninitializedCapacity: rows.count) { target, count in
      unsafe Processor.largest(
        rows.count, vocabulary, logits, into: target.baseAddress.unsafelyUnwrapped)
      count = rows.count
    }
  }
}
