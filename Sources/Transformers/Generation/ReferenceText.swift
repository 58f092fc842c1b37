internal import Backend
internal import Models

/// A text that a network writes itself, to measure its revisions against where
/// there is no other: sampled at temperature 1, so that its cross-entropy there is
/// the network's own entropy.
public enum ReferenceText {
  /// Tokens of a text that says enough: its mean loss has a standard error near
  /// 0.02 nats, and differences between revisions of one network far less.
  public static let usualCount = 4096
  public static let usualSeed: UInt64 = 0x5EED
  /// The same of a large model, which takes its time for each.
  private static let largeCount = 1024
  /// Tokens of one stream, and streams written side by side.
  private static let longestStream = 256
  private static let longestLargeStream = 128
  private static let mostStreams = 32
  /// GPT-2's `<|endoftext|>`, which begins its texts.
  private static let endOfText = 50256

  /// How many tokens a network writes.
  public static func count(of network: Network) -> Int {
    network.isLarge ? largeCount : usualCount
  }

  /// Tokens of one stream that a network writes.
  static func length(of network: Network) -> Int {
    min(network.configuration.context, network.isLarge ? longestLargeStream : longestStream)
  }

  /// The windows in which to measure what a network has written. A stream begins a text, which
  /// a longer window would take for the middle of one.
  public static func context(of network: Network) -> Int { length(of: network) }

  /// Writes `count` tokens: streams of a context's length (at most 256), each from
  /// the token that begins a text, one after the other. The same for any number
  /// of threads. `progress` is told 0…1 on the calling thread. Throws
  /// `NetworkError`.
  public static func write(
    by network: Network, count: Int? = nil, seed: UInt64 = usualSeed, threads: Int = 2,
    shouldStop: () -> Bool = { false }, progress: (Double) -> Void = { _ in }
  ) throws -> [Int] {
    let count = count ?? Self.count(of: network)
    let length = length(of: network)
    let crew = try Crew(threads: threads)
    var text: [Int] = []
    while text.count < count {
      let streams = min((count - text.count + length - 1) / length, mostStreams)
      let begun = text.count
      text += try write(
        network, crew, streams: streams, length: length, seed: seed &+ UInt64(begun),
        shouldStop: shouldStop
      ) { progress(min((Double(begun) + $0 * Double(streams * length)) / Double(count), 1)) }
    }
    return Array(text.prefix(count))
  }

  private static func write(
    _ network: Network, _ crew: Crew, streams: Int, length: Int, seed: UInt64,
    shouldStop: () -> Bool, progress: (Double) -> Void
  ) throws -> [Int] {
    let first = firstToken(network.configuration)
    // Of a large model each step reads all weights, so that rounding them is most of the work; a
    // draw among its tokens does not ask for more than bf16.
    let decoder = try network.streams(
      streams, capacity: length, network.isLarge ? .bf16 : .f32, crew: crew)
    var seeds = SeededGenerator(seed: seed)
    var samplers = try (0..<streams).map { _ in
      try Sampler(Sampling(seed: seeds.next()))
    }
    var texts = Array(repeating: [first], count: streams)
    for position in 0..<length - 1 {
      if shouldStop() { throw NetworkError.stopped }
      try decoder.step(texts.map { Int32($0[position]) }, position: position)
      for stream in 0..<streams {
        let token = unsafe decoder.withLogits(stream: stream) {
          unsafe samplers[stream].next($0)
        }
        texts[stream].append(token)
      }
      progress(Double(position + 1) / Double(length))
    }
    return texts.flatMap(\.self)
  }

  private static func firstToken(_ configuration: ModelConfig) -> Int {
    configuration.firstToken ?? (configuration.vocabulary > endOfText ? endOfText : 0)
  }
}
