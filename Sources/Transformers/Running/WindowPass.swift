internal import Backend
internal import Models

extension ModelPass {
  /// Runs over `tokens`, which are whole windows of `window` tokens one after the other, and
  /// keeps the result for `logits(from:count:_:)`. Throws `NetworkError.stopped` once
  /// `shouldStop` says so.
  func run(
    _ tokens: ArraySlice<Int32>, window: Int, shouldStop: () -> Bool,
    observer: (any PassObserver)? = nil
  ) throws {
    try run(
      tokens, Self.windows(tokens.count, of: window), shouldStop: shouldStop, observer: observer)
  }

  /// Windows of a text, each a stream of its own.
  package static func windows(_ count: Int, of window: Int) -> [Run] {
    stride(from: 0, to: count, by: window).enumerated().map { index, first in
      Run(row: first, count: min(window, count - first), stream: index, position: 0)
    }
  }
}

/// What writes texts: several streams side by side, one token of each at a time.
final class ModelStreams {
  /// Tokens of a prompt that are read at once.
  private static let chunk = 256

  private let pass: ModelPass
  private var last: [Float] = []

  /// What a large model remembers of each position is bf16: with a long text, reading it takes as
  /// long as reading the weights.
  init(
    _ weights: ModelWeights, _ precision: Precision, crew: Crew, streams: Int, capacity: Int
  ) throws {
    pass = try ModelPass(
      weights, weights.model.config, precision, crew: crew,
      capacity: streams > 1 ? streams : min(Self.chunk, capacity),
      length: capacity,
      memory: KeyValueMemory(
        weights.model.config, streams: streams, capacity: capacity, isHalf: !weights.isPacked))
  }

  /// Begins the first stream anew with some tokens.
  func read(_ tokens: [Int32]) throws {
    for first in stride(from: 0, to: tokens.count, by: pass.capacity) {
      let part = tokens[first..<min(first + pass.capacity, tokens.count)]
      try pass.run(
        part, [ModelPass.Run(row: 0, count: part.count, stream: 0, position: first)])
    }
    try keepLogits(from: (tokens.count - 1) % pass.capacity, count: 1)
  }

  /// Runs `tokens`, one a stream, at `position`; all before it were run.
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

  /// Logits of a stream after what was run last.
  func withLogits<R>(stream: Int, _ body: (UnsafeBufferPointer<Float>) -> R) -> R {
    let vocabulary = pass.config.vocabulary
    return unsafe last.withUnsafeBufferPointer {
      unsafe body(
        UnsafeBufferPointer(rebasing: $0[stream * vocabulary..<(stream + 1) * vocabulary]))
    }
  }
}
