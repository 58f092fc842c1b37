/// What a network has written.
public struct Generation: Sendable, Hashable, Codable {
  /// The new tokens, without the prompt.
  public var tokens: [Int]
  /// Time for the new tokens, without the prompt's.
  public var seconds: Double
  public var tokensPerSecond: Double { Double(tokens.count) / max(seconds, 1e-9) }
}

extension Network {
  /// Continues a prompt, token by token: `each` gets every new token and says
  /// whether to go on. The same seed gives the same tokens for any number of
  /// threads. Temperature 0 takes the likeliest token.
  ///
  /// Of a prompt longer than the context the last part is seen. When the context
  /// is full, its later half becomes the beginning of the next, since learned
  /// positions cannot be moved in a cache. Throws `NetworkError`.
  public func generate(
    prompt: [Int], count: Int, temperature: Double = 1, topK: Int? = nil, seed: UInt64 = 0,
    precision: Precision = .f32, threads: Int = 2, each: (Int) -> Bool = { _ in true }
  ) throws -> Generation {
    guard !prompt.isEmpty else { throw NetworkError.textTooShort(tokens: 0, needed: 1) }
    guard count >= 0 else {
      throw NetworkError.badSetting("The number of tokens must be 0 or more, not \(count).")
    }
    var sampler = try Sampler(temperature: temperature, topK: topK, seed: seed)
    _ = try checked(prompt)
    let recent = try checked(prompt.suffix(configuration.context))
    var writer = try Writer(self, precision, threads: threads)
    try writer.read(recent)
    let clock = ContinuousClock()
    let start = clock.now
    var tokens: [Int] = []
    while tokens.count < count {
      let token = writer.next(&sampler)
      tokens.append(token)
      guard each(token), tokens.count < count else { break }
      try writer.append(Int32(token))
    }
    return Generation(tokens: tokens, seconds: start.duration(to: clock.now).seconds)
  }
}

/// One stream of text and the network that continues it.
private struct Writer {
  private let decoder: Decoder
  private let reader: ForwardPass
  private let context: Int
  /// Tokens in the cache; the network has seen exactly these.
  private var seen: [Int32] = []
  /// Logits of the last position, when they come from reading.
  private var readLogits: [Float]?

  init(_ network: Network, _ precision: Precision, threads: Int) throws {
    let crew = try Crew(threads: threads)
    let ready = try network.ready(precision, crew: crew)
    context = network.configuration.context
    decoder = try Decoder(ready, crew: crew, streams: 1, capacity: context)
    reader = try ForwardPass(ready, capacity: context, window: context)
  }

  /// Begins anew with some tokens, at most a context of them.
  mutating func read(_ tokens: [Int32]) throws {
    seen = tokens
    try reader.run(tokens[...], window: tokens.count, cache: decoder.cache)
    let vocabulary = reader.network.configuration.vocabulary
    readLogits = try unsafe reader.logits(from: tokens.count - 1, count: 1) {
      unsafe Array(UnsafeBufferPointer(start: $0, count: vocabulary))
    }
  }

  mutating func next(_ sampler: inout Sampler) -> Int {
    if let readLogits {
      return unsafe readLogits.withUnsafeBufferPointer { unsafe sampler.next($0) }
    }
    return unsafe decoder.withLogits(stream: 0) { unsafe sampler.next($0) }
  }

  mutating func append(_ token: Int32) throws {
    if seen.count == context {
      let kept = seen.suffix(max(context / 2, 1) - 1)
      return try read(kept + [token])
    }
    try decoder.step([token], position: seen.count)
    seen.append(token)
    readLogits = nil
  }
}
