internal import Backend
internal import Models
internal import Tensors

extension Network {
  /// The longest window of a measurement: models with longer contexts see no more at once.
  public static let usualWindow = 2048

  /// Mean cross-entropy over a text: windows of the context's length without
  /// overlap, every token after the first predicted once, the last, shorter
  /// window included. Losses are summed in f64 in the order of the text: the same
  /// digits for any number of threads.
  ///
  /// Another protocol scores other tokens, and `context` makes other windows; `firstToken` is
  /// what llama.cpp's begins with.
  ///
  /// `shouldStop` is asked every few milliseconds, from any thread; `progress` is
  /// told 0…1 on the calling thread. Throws `NetworkError`.
  public func evaluate(
    _ tokens: [Int], precision: Precision = .f32, protocol rule: EvaluationProtocol = .text,
    context: Int? = nil, firstToken: Int? = nil, threads: Int = 2,
    shouldStop: @Sendable () -> Bool = { false }, progress: (Double) -> Void = { _ in }
  ) throws -> Evaluation {
    let clock = ContinuousClock()
    let text = try windowed(
      tokens, protocol: rule, context: context, firstToken: firstToken)
    let maker = try maker(
      precision, threads: threads, capacity: text.capacity, window: text.window)
    let start = clock.now
    let parts = try text.map(
      crew: maker.crew, shouldStop: shouldStop, progress: progress, worker: maker.make
    ) { pass, group in
      let routed = configuration.experts != nil ? RoutedTokens() : nil
      try pass.run(
        text.tokens[group], window: text.window, shouldStop: shouldStop, observer: routed)
      var sum = 0.0
      for run in text.scoredRuns(of: group) {
        try unsafe pass.forEachChunk(of: run, in: group) { rows, logits in
          let losses = unsafe text.losses(rows, logits, of: pass)
          sum += zip(rows, losses).reduce(0) { text.isScored($1.0) ? $0 + $1.1 : $0 }
        }
      }
      return (sum: sum, experts: routed?.experts ?? [:])
    }
    return Evaluation(
      loss: parts.reduce(0) { $0 + $1.sum } / Double(text.count), tokens: text.count,
      seconds: start.duration(to: clock.now).seconds, context: text.context,
      routers: weights.routerLoads(parts.map(\.experts)))
  }

  /// The text in windows; throws when it has too few tokens, or the windows are longer than
  /// what the network sees.
  func windowed(
    _ tokens: [Int], protocol rule: EvaluationProtocol = .text, context: Int? = nil,
    firstToken: Int? = nil
  ) throws -> WindowedText {
    let window = context ?? min(configuration.context, rule.usualContext)
    guard window <= configuration.context else {
      throw NetworkError.contextOverflow(tokens: window, context: configuration.context)
    }
    let needed = rule == .llamaCpp ? window : 2
    guard tokens.count >= needed, window >= 2 || rule == .text else {
      throw NetworkError.textTooShort(tokens: tokens.count, needed: needed)
    }
    let first = try firstToken.map { try checked([$0])[0] }
    return WindowedText(
      try checked(tokens), context: max(window, 1), protocol: rule, firstToken: first)
  }
}

extension ModelPass {
  /// Logits of a run of a group that was just run, some rows at a time, in order. `rows`
  /// are positions in the text.
  func forEachChunk(
    of run: Range<Int>, in group: Range<Int>,
    _ body: (_ rows: Range<Int>, UnsafePointer<Float>) throws -> Void
  ) throws {
    for first in stride(from: run.lowerBound, to: run.upperBound, by: logitRows) {
      let rows = first..<min(first + logitRows, run.upperBound)
      try unsafe logits(from: first - group.lowerBound, count: rows.count) {
        try unsafe body(rows, $0)
      }
    }
  }
}

extension WindowedText {
  /// Cross-entropies of the tokens that follow `rows`, on the threads of the pass.
  func losses(
    _ rows: Range<Int>, _ logits: UnsafePointer<Float>, of pass: ModelPass
  ) -> [Double] {
    let vocabulary = pass.config.vocabulary
    return unsafe [Double](unsafeUninitializedCapacity: rows.count) { losses, count in
      unsafe tokens.withUnsafeBufferPointer { tokens in
        guard let losses = losses.baseAddress, let targets = tokens.baseAddress else { return }
        pass.forEachRows(of: rows.count) { some in
          unsafe Processor.crossEntropy(
            some.count, vocabulary, logits + some.lowerBound * vocabulary,
            targets: targets + rows.lowerBound + some.lowerBound + 1,
            into: losses + some.lowerBound)
        }
      }
      count = rows.count
    }
  }
}

extension Duration {
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
