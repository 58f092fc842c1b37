internal import Transformers

/// Draws windows of a text for every step of training. A window's place is a hash of
/// the seed, the step and the window's number: there is no generator whose state
/// would have to be kept.
public struct BatchSampler: Sendable {
  let tokens: [Int32]
  let sequences: Int
  let length: Int
  let seed: UInt64

  /// Precondition: there are more tokens than a window's `length`.
  public init(_ tokens: [Int32], sequences: Int, length: Int, seed: UInt64) {
    precondition(length > 0 && tokens.count > length)
    self.tokens = tokens
    self.sequences = sequences
    self.length = length
    self.seed = seed
  }

  /// The inputs of `part` of a step's batch, window after window, and the tokens
  /// that follow them.
  public func batch(step: Int, part: Int = 0) -> (inputs: [Int32], targets: [Int32]) {
    var (inputs, targets): ([Int32], [Int32]) = ([], [])
    inputs.reserveCapacity(sequences * length)
    targets.reserveCapacity(sequences * length)
    for window in 0..<sequences {
      let start = start(step: step, window: part * sequences + window)
      inputs += tokens[start..<start + length]
      targets += tokens[start + 1...start + length]
    }
    return (inputs, targets)
  }

  /// Where a window begins: every place is as likely as any other.
  func start(step: Int, window: Int) -> Int {
    let hash = SeedPurpose.batch.hash(seed, UInt64(step), UInt64(window))
    return Int(hash.multipliedFullWidth(by: UInt64(tokens.count - length)).high)
  }
}

/// What random numbers are for: one seed gives each purpose numbers of its own.
enum SeedPurpose: UInt64 {
  case batch = 1
  case dropout, weights

  /// A number for two counters.
  func hash(_ seed: UInt64, _ first: UInt64, _ second: UInt64) -> UInt64 {
    let key = CounterHash.mix(seed ^ CounterHash.mix(rawValue))
    return CounterHash.mix(CounterHash.mix(key ^ first) ^ second)
  }
}
