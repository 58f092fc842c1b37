internal import Backend
internal import Synchronization

/// A text cut into windows of the context's length, without overlap, each token
/// after the first to be predicted once. Neighbouring windows form groups that
/// are run together; the last, shorter window is a group of its own. The cut
/// depends on the text and the network alone, so the digits of a measurement do
/// not depend on threads.
struct WindowedText: Sendable {
  /// Rows that make a product efficient.
  private static let usualRows = 256
  /// Groups whose results are collected at once.
  private static let roundLimit = 1 << 16

  let tokens: [Int32]
  /// Inputs of a window.
  let window: Int
  /// Inputs of each group, as positions in `tokens`; targets are one further.
  let groups: [Range<Int>]
  /// Which inputs of a window have targets that count; nil for all.
  private let scored: Range<Int>?
  /// Tokens that are scored.
  let count: Int
  /// Tokens that the network may see at once.
  let context: Int

  /// Precondition: two tokens, and for `llamaCpp` a window of them.
  init(
    _ tokens: [Int32], context: Int, protocol rule: EvaluationProtocol = .text,
    firstToken: Int32? = nil
  ) {
    self.context = context
    let inputs: Int
    switch rule {
    case .text:
      self.tokens = tokens
      inputs = tokens.count - 1
      scored = nil
    case .windows:
      // A window's last token has no target in it; the one at the end is never looked at.
      self.tokens = tokens + [0]
      inputs = tokens.count % context == 1 ? tokens.count - 1 : tokens.count
      scored = 0..<context - 1
    case .llamaCpp:
      inputs = tokens.count / context * context
      var chunks = tokens[..<inputs] + [0]
      if let firstToken {
        for start in stride(from: 0, to: inputs, by: context) { chunks[start] = firstToken }
      }
      self.tokens = Array(chunks)
      scored = context / 2..<context - 1
    }
    window = min(context, inputs)
    let rows = max(WindowedText.usualRows / window, 1) * window
    let whole = inputs / window * window
    var groups = stride(from: 0, to: whole, by: rows).map { $0..<min($0 + rows, whole) }
    if whole < inputs { groups.append(whole..<inputs) }
    self.groups = groups
    switch (rule, scored) {
    case (.windows, _): count = tokens.count - (tokens.count + context - 1) / context
    case (_, let scored?): count = inputs / context * scored.count
    default: count = inputs
    }
  }

  /// Whether the target after an input, a position in `tokens`, counts.
  func isScored(_ position: Int) -> Bool {
    guard let scored else { return true }
    // The last token of a text that ends within a window has no target.
    return scored.contains(position % window) && position + 2 < tokens.count
  }

  /// The inputs of a group whose targets may count, neighbours as one.
  func scoredRuns(of group: Range<Int>) -> [Range<Int>] {
    guard let scored else { return [group] }
    return stride(from: group.lowerBound, to: group.upperBound, by: window).map { start in
      (start + scored.lowerBound..<start + scored.upperBound).clamped(to: group)
    }
  }

  /// Rows of the largest group.
  var capacity: Int { groups.reduce(0) { max($0, $1.count) } }

  /// Runs `body` for every group on several threads, each with a worker of its
  /// own, and returns the results in the order of the groups. `progress` is
  /// called on the calling thread. Throws what `body` throws first, or
  /// `NetworkError.stopped`.
  func map<Worker, Result: Sendable>(
    crew: Crew, shouldStop: @Sendable () -> Bool, progress: (Double) -> Void,
    worker: () throws -> Worker, _ body: (Worker, Range<Int>) throws -> Result
  ) throws -> [Result] {
    // Any of the crew's threads may take any tile, also where tiles are few; one
    // alone is the caller's.
    let workers = try (0..<(groups.count == 1 ? 1 : crew.threads)).map { _ in try worker() }
    var results: [Result] = []
    for first in stride(from: 0, to: groups.count, by: WindowedText.roundLimit) {
      let round = groups[first..<min(first + WindowedText.roundLimit, groups.count)]
      results += try map(
        round, workers, crew, shouldStop,
        progress: { progress(Double(first + $0) / Double(groups.count)) }, body)
    }
    progress(1)
    return results
  }

  private func map<Worker, Result: Sendable>(
    _ round: ArraySlice<Range<Int>>, _ workers: [Worker], _ crew: Crew,
    _ shouldStop: @Sendable () -> Bool, progress: (Int) -> Void,
    _ body: (Worker, Range<Int>) throws -> Result
  ) throws -> [Result] {
    let outcome = Mutex<Outcome<Result>>(Outcome(count: round.count))
    crew.run(round.count) { worker, tile in
      guard outcome.withLock({ $0.failure == nil }) else { return }
      do {
        if shouldStop() { throw NetworkError.stopped }
        let result = try body(workers[worker], round[round.startIndex + tile])
        outcome.withLock { $0.set(result, at: tile) }
      } catch {
        outcome.withLock { $0.failure = $0.failure ?? error }
      }
      if worker == 0 { progress(outcome.withLock(\.done)) }
    }
    return try outcome.withLock { outcome in
      if let error = outcome.failure { throw error }
      return outcome.results.compactMap(\.self)
    }
  }

  private struct Outcome<Result: Sendable>: Sendable {
    var results: [Result?]
    var done = 0
    var failure: (any Error)?

    init(count: Int) { results = Array(repeating: nil, count: count) }

    mutating func set(_ result: Result, at index: Int) {
      results[index] = result
      done += 1
    }
  }
}
