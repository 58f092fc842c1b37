internal import CheckpointIO
internal import Jobs
internal import Models
internal import Synchronization
internal import Tensors
internal import Transformers

/// Measures the loss of a checkpoint's revisions on one text, the original's
/// first: it is what the others are compared with.
final class LossMeter: Sendable {
  let checkpoint: Checkpoint
  /// Tells one text from another, so that stored losses are not mixed up.
  let key: String
  /// Why the network does not run, one sentence; nil when it does.
  let whyNotRunnable: String?
  /// Nil for a text the original writes.
  private let file: TextFile?
  private let knownCoder = Mutex<TextCoder?>(nil)
  private let hasOthers: Bool
  private let prepared = Mutex<Prepared?>(nil)

  /// The original's own figures and the text they were measured on.
  private struct Prepared: Sendable {
    let reference: Reference
    /// The reference's, with honest seconds.
    let evaluation: Transformers.Evaluation
    let title: String
  }

  /// Reads neither weights nor text. `hasOthers` says whether others are compared with the
  /// checkpoint, which makes it the original. Throws `TextError` when the text is not
  /// there.
  init(
    checkpoint: Checkpoint, text: EvaluationText, part: TextPart, hasOthers: Bool = true
  ) throws {
    self.checkpoint = checkpoint
    self.hasOthers = hasOthers
    let key: String
    switch text {
    case .usual where Embedded.isPart(checkpoint):
      file = .validation
      key = TextFile.validation.key
    case .selfWritten, .usual:
      file = nil
      // The fourth way of writing it.
      key = "self-written 4 \(ReferenceText.usualCount) \(ReferenceText.usualSeed)"
    case .file(let path):
      let text = try TextFile(path: path, part: part)
      file = text
      key = text.key
    case .tokens(let path):
      let text = try TextFile(path: path, part: .whole, hasNumbers: true)
      file = text
      key = "numbers " + text.key
    }
    self.key = key + Self.options(checkpoint.configuration)
    whyNotRunnable =
      checkpoint.unreadCodes.map { "\($0.refusal)" }
      ?? Network.obstacle(
        of: checkpoint.parameters, configuration: checkpoint.configuration)
  }

  /// What the command line may say of a network, on which losses depend as well.
  private static func options(_ settings: [String: String]) -> String {
    ["n_head", "activation_function"].compactMap { name in settings[name].map { " \(name) \($0)" } }
      .joined()
  }

  /// The figures of a revision. Throws `Cancelled`, `TextError`,
  /// `NetworkError`, and what reading a tensor throws.
  func measure(
    _ model: ModelState, isOriginal: Bool, in job: borrowing JobContext
  ) throws -> MeasuredLoss {
    let isPrepared = prepared.withLock { $0 != nil }
    let share = isPrepared ? 0 : isOriginal ? 1 : 0.5
    let prepared = try prepare(in: job.part(0...share))
    let reference = prepared.reference
    if isOriginal {
      try checkpoint.check()
      return MeasuredLoss(
        evaluation: prepared.evaluation, comparison: nil, measuredOn: prepared.title)
    }
    let watch = PauseWatch(job)
    return try stoppable(job.part(share...1)) { progress, threads in
      let network = try Network.make(
        model.parameters, configuration: model.configuration, sharing: reference.network)
      let comparison = try network.compare(
        to: reference, threads: threads, shouldStop: watch.shouldStop, progress: progress)
      // Without kept logits the original ran beside it all the time.
      let isAlone = !watch.hasPaused && keepsLogits(of: reference)
      let evaluation =
        try isAlone
        ? comparison.evaluation
        : comparison.evaluation.timed(
          network, reference.tokens, threads: threads, shouldStop: watch.shouldStop)
      try checkpoint.check()
      return MeasuredLoss(
        evaluation: evaluation, comparison: comparison, measuredOn: prepared.title)
    }
  }

  /// The original's loss alone, by a protocol. Throws as `measure`.
  func evaluate(
    protocol rule: EvaluationProtocol, context: Int?, in job: borrowing JobContext
  ) throws -> MeasuredLoss {
    try checkpoint.refuseUnreadCodes()
    let network = try Network.make(
      checkpoint.parameters, configuration: checkpoint.configuration)
    let isWritten = file == nil
    let (tokens, title) = try text(of: network, in: job.part(0...(isWritten ? 0.5 : 0)))
    let firstToken = firstToken(of: network, rule)
    let shouldStop = job.shouldStop
    let evaluation = try stoppable(job.part((isWritten ? 0.5 : 0)...1)) { progress, threads in
      try network.evaluate(
        tokens, protocol: rule, context: context ?? self.context(of: network),
        firstToken: firstToken, threads: threads, shouldStop: shouldStop, progress: progress)
    }
    try checkpoint.check()
    return MeasuredLoss(evaluation: evaluation, comparison: nil, measuredOn: title)
  }

  /// Sums of squares of what goes into the original's linear layers on the text, in windows of
  /// how many tokens, and how to call the text. Throws as `evaluate`.
  func inputSums(
    protocol rule: EvaluationProtocol, context: Int?, in job: borrowing JobContext
  ) throws -> (layers: [String: InputSums], window: Int, title: String) {
    try checkpoint.refuseUnreadCodes()
    let original = try Network.make(
      checkpoint.parameters, configuration: checkpoint.configuration)
    let (tokens, title) = try text(of: original, in: job.part(0...0.5))
    let firstToken = firstToken(of: original, rule)
    let shouldStop = job.shouldStop
    let sums = try stoppable(job.part(0.5...1)) { progress, threads in
      try original.inputSums(
        tokens, protocol: rule, context: context, firstToken: firstToken, threads: threads,
        shouldStop: shouldStop, progress: progress)
    }
    try checkpoint.check()
    return (sums.layers, sums.window, title)
  }

  /// What llama.cpp's windows begin with, where the tokenizer asks for it.
  private func firstToken(of network: Network, _ rule: EvaluationProtocol) -> Int? {
    guard rule == .llamaCpp, checkpoint.vocabulary == nil else { return nil }
    return try? coder(of: network).firstToken
  }

  /// A model's network and the tokens its texts are made of. Throws
  /// `NetworkError`, and `TextError` when the checkpoint does not tell.
  func writer(of model: ModelState) throws -> (Network, TextCoder) {
    try checkpoint.refuseUnreadCodes()
    let original = prepared.withLock { $0?.reference.network }
    let network = try Network.make(
      model.parameters, configuration: model.configuration, sharing: original)
    return (network, try coder(of: network))
  }

  /// What makes the network's tokens of a text. Throws `TextError`.
  func coder(of network: Network) throws -> TextCoder {
    if let known = knownCoder.withLock({ $0 }) { return known }
    let coder = try TextCoder(of: checkpoint, tokens: network.configuration.vocabulary)
    knownCoder.withLock { $0 = coder }
    return coder
  }

  /// The original's network and the text.
  func reference(in job: borrowing JobContext) throws -> Reference {
    try prepare(in: job).reference
  }

  private func prepare(in job: borrowing JobContext) throws -> Prepared {
    if let known = prepared.withLock({ $0 }) { return known }
    try checkpoint.refuseUnreadCodes()
    let original = try Network.make(
      checkpoint.parameters, configuration: checkpoint.configuration)
    let (tokens, title) = try text(of: original, in: job.part(0...0.5))
    let watch = PauseWatch(job)
    let fresh = try stoppable(job.part(0.5...1)) { progress, threads in
      let reference = try Reference(
        original, tokens: tokens, context: context(of: original), threads: threads,
        shouldStop: watch.shouldStop, progress: progress)
      let evaluation =
        try watch.hasPaused
        ? reference.evaluation.timed(
          original, tokens, threads: threads, shouldStop: watch.shouldStop)
        : reference.evaluation
      return Prepared(reference: reference, evaluation: evaluation, title: title)
    }
    prepared.withLock { $0 = fresh }
    return fresh
  }

  /// The windows in which the text is measured; nil for the usual ones.
  private func context(of network: Network) -> Int? {
    file == nil ? ReferenceText.context(of: network) : nil
  }

  private func text(
    of original: Network, in job: borrowing JobContext
  ) throws -> (tokens: [Int], title: String) {
    if let file { return try file.read { try coder(of: original) } }
    let shouldStop = job.shouldStop
    let tokens = try stoppable(job.part(0...1)) { progress, threads in
      try ReferenceText.write(
        by: original, threads: threads, shouldStop: shouldStop, progress: progress)
    }
    let writer = hasOthers ? "the original" : "that this model"
    return (tokens, "\(tokens.count.grouped) tokens \(writer) wrote")
  }

  private func keepsLogits(of reference: Reference) -> Bool {
    let bytes =
      reference.tokens.count * reference.network.configuration.vocabulary
      * MemoryLayout<Float>.stride
    return bytes <= Reference.keptByteLimit
  }

  func stoppable<Result>(
    _ job: borrowing JobContext, _ body: ((Double) -> Void, Int) throws -> Result
  ) throws -> Result {
    let report = job.reporter
    do {
      return try body({ report($0, "") }, job.threads)
    } catch NetworkError.stopped {
      throw Cancelled()
    }
  }
}

/// What was measured of a revision.
struct MeasuredLoss: Sendable {
  let evaluation: Transformers.Evaluation
  /// Nil for the original.
  let comparison: Transformers.Comparison?
  let measuredOn: String
}

extension Metrics {
  mutating func take(_ measured: MeasuredLoss) {
    loss = measured.evaluation.loss
    perplexity = measured.evaluation.perplexity
    tokens = measured.evaluation.tokens
    tokensPerSecond = measured.evaluation.tokensPerSecond
    kl = measured.comparison?.divergence ?? 0
    agreement = measured.comparison?.agreement ?? 1
    measuredOn = measured.measuredOn
  }
}

extension Transformers.Evaluation {
  /// Enough for a steady speed.
  private static let speedTokens = 4096

  /// The same with the speed of a short run of its own, when the clock of the
  /// long one also ran while something else went on.
  fileprivate func timed(
    _ network: Network, _ tokens: [Int], threads: Int, shouldStop: @Sendable () -> Bool
  ) throws -> Self {
    let start = Array(tokens.prefix(Self.speedTokens))
    let short = try network.evaluate(start, threads: threads, shouldStop: shouldStop)
    var timed = self
    timed.seconds = short.seconds / Double(short.tokens) * Double(self.tokens)
    return timed
  }
}

/// Notices when a job is held, so that held time is not taken for work.
private final class PauseWatch: Sendable {
  /// Longer than a question to a gate ever takes that is not closed.
  private static let suspicious = Duration.milliseconds(20)

  private let ask: @Sendable () -> Bool
  private let paused = Atomic(false)

  init(_ job: borrowing JobContext) { ask = job.shouldStop }

  var hasPaused: Bool { paused.load(ordering: .acquiring) }

  var shouldStop: @Sendable () -> Bool {
    { [self] in
      let start = ContinuousClock.now
      let isOver = ask()
      if ContinuousClock.now - start > Self.suspicious { paused.store(true, ordering: .releasing) }
      return isOver
    }
  }
}
