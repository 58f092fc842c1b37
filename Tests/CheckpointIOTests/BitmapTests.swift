import CheckpointIO
import Tensors
import TestSupport
import Testing

/// Values and the bits that say where they are.
@Suite struct BitmapTests {
  /// Sizes around words, runs of lanes and runs of words; shares from none to all.
  @Test(arguments: [1, 15, 16, 17, 63, 64, 65, 1000, 262_143, 262_144, 300_001])
  func gatheredAndScatteredIsWhatItWas(count: Int) throws {
    for (seed, share) in [0.0, 0.01, 0.5, 0.97, 1].enumerated() {
      var random = SplitMix64(seed: UInt64(seed + count))
      let values = (0..<count).map { _ in
        Double.random(in: 0..<1, using: &random) < share
          ? Float.random(in: 0.5...1, using: &random) : 0
      }
      let tensor = Tensor([count], values)
      let mask = Bitmap.kept(of: tensor, mask: nil)
      let isKept = (0..<count).allSatisfy { mask[$0] == (values[$0] != 0) }
      #expect(isKept)
      let gathered = Bitmap.gather(tensor, mask, count: mask.keptCount)
      #expect(gathered.array == values.filter { $0 != 0 })
      #expect(Bitmap.scatter(gathered, to: mask).array == values)
    }
  }
}
