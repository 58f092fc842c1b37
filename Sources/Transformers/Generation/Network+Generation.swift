internal import Backend
internal import Models

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
  /// threads.
  ///
  /// Of a prompt longer than the context the last part is seen. When the context
  /// is full, its later half becomes the beginning of the next, since learned
  /// positions cannot be moved in a cache.
  ///
  /// A large model reads its prompt in products of bf16, unless another precision is asked for;
  /// what it writes is computed one token at a time, as in f32. Throws `NetworkError`.
  public func generate(
    prompt: [Int], count: Int, sampling: Sampling = Sampling(),
    precision: Precision? = nil, threads: Int = 2, each: (Int) -> Bool = { _ in true }
  ) throws -> Generation {
    guard !prompt.isEmpty else { throw NetworkError.textTooShort(tokens: 0, needed: 1) }
    guard count >= 0 else {
      throw NetworkError.badSetting("The number of tokens must be 0 or more, not \(count).")
    }
    var sampler = try Sampler(sampling)
    _ = try checked(prompt)
    sampler.note(prompt)
    let recent = try checked(prompt.suffix(configuration.context))
    let length = min(configuration.context, recent.count + count)
    var writer = try Writer(
      self, precision ?? (isLarge ? .bf16 : .f32), threads: threads, length: length)
    try writer.read(recent)
    let clock = ContinuousClock()
    let start = clock.now
    var tokens: [Int] = []
    while tokens.count < count {
      let token = writer.next(&sampler)
      tokens.append(token)
      sampler.note([token])
      guard each(token), tokens.count < count else { break }
      try writer.append(Int32(token))
    }
    return Generation(tokens: tokens, seconds: start.duration(to: clock.now).seconds)
  }
}

/// One stream of text and the network that continues it.
private struct Writer {
  private let stream: ModelStreams
  /// Tokens there is room for.
  private let length: Int
  /// Tokens that the network has seen.
  private var seen: [Int32] = []

  init(_ network: Network, _ precision: Precision, threads: Int, length: Int) throws {
    self.length = length
    stream = try network.streams(
      1, capacity: length, precision, crew: Crew(threads: threads))
  }

  /// Begins anew with some tokens, at most as many as there is room for.
  mutating func read(_ tokens: [Int32]) throws {
    seen = tokens
    try stream.read(tokens)
  }

  func next(_ sampler: inout Sampler) -> Int {
    unsafe stream.withLogits(stream: 0) { unsafe sampler.next($0) }
  }

  mutating func append(_ token: Int32) throws {
    if seen.count == length {
      let kept = seen.suffix(max(length / 2, 1) - 1)
      return try read(kept + [token])
    }
    try stream.step([token], position: seen.count)
    seen.append(token)
  }
}
