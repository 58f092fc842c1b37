internal import Models

/// What measurements run: windows of tokens in, logits out.
protocol WindowPass: AnyObject {
  /// Rows of logits there is room for.
  var logitRows: Int { get }

  /// Runs over `tokens`, which are whole windows of `window` tokens one after the other, and
  /// keeps the result for `logits(from:count:_:)`. Throws `NetworkError.stopped` once
  /// `shouldStop` says so.
  func run(_ tokens: ArraySlice<Int32>, window: Int, shouldStop: () -> Bool) throws

  /// Logits of `count` rows from row `first` on; good until the next call. `count` is at most
  /// `logitRows`.
  func logits<R>(
    from first: Int, count: Int, _ body: (UnsafePointer<Float>) throws -> R
  ) throws -> R
}

extension ForwardPass: WindowPass {
  func run(_ tokens: ArraySlice<Int32>, window: Int, shouldStop: () -> Bool) throws {
    try run(tokens, window: window, shouldStop: shouldStop, cache: nil, inputs: nil)
  }
}

extension ModelPass: WindowPass {
  func run(_ tokens: ArraySlice<Int32>, window: Int, shouldStop: () -> Bool) throws {
    try run(tokens, Self.windows(tokens.count, of: window), shouldStop: shouldStop)
  }

  /// Windows of a text, each a stream of its own.
  static func windows(_ count: Int, of window: Int) -> [Run] {
    stride(from: 0, to: count, by: window).enumerated().map { index, first in
      Run(row: first, count: min(window, count - first), stream: index, position: 0)
    }
  }
}

/// What writes texts: several streams side by side, one token of each at a time.
protocol StreamPass: AnyObject {
  /// Begins the first stream anew with some tokens.
  func read(_ tokens: [Int32]) throws
  /// Runs `tokens`, one a stream, at `position`; all before it were run.
  func step(_ tokens: [Int32], position: Int) throws
  /// Logits of a stream after what was run last.
  func withLogits<R>(stream: Int, _ body: (UnsafeBufferPointer<Float>) -> R) -> R
}

/// A GPT's decoder, and the pass that reads its prompts.
final class GPTStreams: StreamPass {
  private let decoder: Decoder
  private let reader: ForwardPass?
  /// Logits of the last position, when they come from reading.
  private var readLogits: [Float]?

  init(_ ready: ReadyNetwork, crew: Crew, streams: Int, capacity: Int) throws {
    decoder = try Decoder(ready, crew: crew, streams: streams, capacity: capacity)
    reader = streams > 1 ? nil : try ForwardPass(ready, capacity: capacity, window: capacity)
  }

  func read(_ tokens: [Int32]) throws {
    guard let reader else { return }
    try reader.run(tokens[...], window: tokens.count, cache: decoder.cache)
    let vocabulary = reader.network.configuration.vocabulary
    readLogits = try unsafe reader.logits(from: tokens.count - 1, count: 1) {
      unsafe Array(UnsafeBufferPointer(start: $0, count: vocabulary))
    }
  }

  func step(_ tokens: [Int32], position: Int) throws {
    try decoder.step(tokens, position: position)
    readLogits = nil
  }

  func withLogits<R>(stream: Int, _ body: (UnsafeBufferPointer<Float>) -> R) -> R {
    if let readLogits { return unsafe readLogits.withUnsafeBufferPointer { unsafe body($0) } }
    return unsafe decoder.withLogits(stream: stream, body)
  }
}

/// The same of any model.
final class ModelStreams: StreamPass {
  /// Tokens of a prompt that are read at once.
  private static let chunk = 256

  private let pass: ModelPass
  private let streams: Int
  private var last: [Float] = []

  init(_ weights: ModelWeights, crew: Crew, streams: Int, capacity: Int) throws {
    let config = weights.model.config
    try WorkingMemory.require(
      [[2, config.blocks, streams, capacity, config.keyWidth]],
      for: "what \(capacity) tokens leave behind")
    self.streams = streams
    pass = try ModelPass(
      weights, crew: crew, capacity: streams > 1 ? streams : min(Self.chunk, capacity),
      length: capacity,
      memory: KeyValueMemory(config, streams: streams, capacity: capacity))
  }

  func read(_ tokens: [Int32]) throws {
    for first in stride(from: 0, to: tokens.count, by: pass.capacity) {
      let part = tokens[first..<min(first + pass.capacity, tokens.count)]
      try pass.run(
        part, [ModelPass.Run(row: 0, count: part.count, stream: 0, position: first)])
    }
    try keepLogits(from: (tokens.count - 1) % pass.capacity, count: 1)
  }

  func step(_ tokens: [Int32], position: Int) throws {
    try pass.run(
      tokens[...],
      tokens.indices.map {
        ModelPass.Run(row: $0, count: 1, stream: $0, position: position)
      })
    last = []
    var first = 0
    while first < tokens.count {
      let count = min(pass.logitRows, tokens.count - first)
      try keepLogits(from: first, count: count, adding: true)
      first += count
    }
  }

  private func keepLogits(from first: Int, count: Int, adding: Bool = false) throws {
    if !adding { last = [] }
    let values = count * pass.config.vocabulary
    try unsafe pass.logits(from: first, count: count) {
      unsafe last.append(contentsOf: UnsafeBufferPointer(start: $0, count: values))
    }
  }

  func withLogits<R>(stream: Int, _ body: (UnsafeBufferPointer<Float>) -> R) -> R {
    let vocabulary = pass.config.vocabulary
    return unsafe last.withUnsafeBufferPointer {
      unsafe body(
        UnsafeBufferPointer(rebasing: $0[stream * vocabulary..<(stream + 1) * vocabulary]))
    }
  }
}
