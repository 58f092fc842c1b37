import Foundation
import HostileInput
import TestSupport
import Testing

/// What every reader is given in each run of the tests; `Benchmarks/fuzz` searches longer, and
/// guided by what the readers do.
@Suite struct MutatedInputTests {
  /// `PARE_MUTATIONS=100000` searches longer.
  static let count =
    ProcessInfo.processInfo.environment["PARE_MUTATIONS"].flatMap { Int($0) } ?? 300
  static let seed: UInt64 = 20_261_121

  @Test(arguments: Reader.allCases) func eachSeedIsRead(reader: Reader) throws {
    let folder = TemporaryFolder()
    for seed in try reader.seeds {
      #expect(reader.outcome(of: seed, in: folder) == nil)
    }
  }

  /// Nothing traps; what is refused is refused with a sentence, and not all is.
  @Test(arguments: Reader.allCases) func noMutationTraps(reader: Reader) throws {
    let folder = TemporaryFolder()
    let seeds = try reader.seeds
    var random = SplitMix64(seed: Self.seed)
    var sentences: Set<String> = []
    var taken = 0
    for _ in 0..<Self.count {
      guard let whole = seeds.randomElement(using: &random),
        let other = seeds.randomElement(using: &random)
      else { continue }
      let sentence = reader.outcome(of: Mutation.of(whole, other, &random), in: folder)
      if let sentence { sentences.insert(sentence) } else { taken += 1 }
    }
    print(
      "\(reader): seed \(Self.seed), \(taken) of \(Self.count) taken, "
        + "\(sentences.count) different sentences")
    #expect(taken > 0)
  }
}
