import CKernels
import Tensors
import TestSupport
import Testing

/// NaNs and infinities are counted wherever tensors are compared.
@Suite struct NonFiniteTests {
  private static let levels = [PARE_PLAIN, PARE_AVX2, PARE_AVX512].map { Int32($0) }
    .filter { $0 <= pare_best_level() }

  /// The counts, place by place.
  private static func counts(_ a: [Float], _ b: [Float]) -> (NonFiniteChange, different: Int) {
    var change = NonFiniteChange()
    var different = 0
    for (x, y) in zip(a, b) {
      if x.isNaN { change.nan.before += 1 }
      if y.isNaN { change.nan.after += 1 }
      if x.isNaN && y.isNaN { change.nan.stayed += 1 }
      if x.isInfinite { change.infinite.before += 1 }
      if y.isInfinite { change.infinite.after += 1 }
      if x.isInfinite && x == y { change.infinite.stayed += 1 }
      if x != y && !(x.isNaN && y.isNaN) { different += 1 }
    }
    return (change, different)
  }

  @Test func everyLevelCountsAsAPlainLoopDoes() {
    for size in Array(0...70) + [1000, 4099] {
      let (a, b) = (Weights.wild(size, seed: 11), Weights.wild(size, seed: 12))
      let (wanted, different) = Self.counts(a, b)
      for level in Self.levels {
        var found = pare_difference()
        unsafe pare_compare(level, a, b, size, &found)
        #expect(
          [found.nan_first, found.nan_second, found.nan_both].map { Int($0) }
            == [wanted.nan.before, wanted.nan.after, wanted.nan.stayed])
        #expect(
          [found.infinite_first, found.infinite_second, found.infinite_both].map { Int($0) }
            == [wanted.infinite.before, wanted.infinite.after, wanted.infinite.stayed])
        #expect(Int(found.different) == different)
      }
    }
  }

  @Test(arguments: [1, 3]) func tensorsAreCountedOverAllChunks(threads: Int) throws {
    let (a, b) = (Weights.wild(200_001, seed: 13), Weights.wild(200_001, seed: 14))
    let difference = try #require(
      TensorDifference(from: Weights.tensor(a), to: Weights.tensor(b), threads: threads))
    let (wanted, different) = Self.counts(a, b)
    #expect(difference.nonFinite == wanted && difference.differentCount == different)
    #expect(difference.relativeError.isNaN && difference.maximumError.isNaN)
  }

  /// What stays is no difference, and the error is that of the finite weights.
  @Test func aTensorIsNoErrorFromItself() throws {
    let values = Weights.wild(70_003, seed: 15)
    let same = try #require(
      TensorDifference(from: Weights.tensor(values), to: Weights.tensor(values)))
    #expect(same.relativeError == 0 && same.maximumError == 0 && same.differentCount == 0)
    #expect(same.nonFinite.nan.stayed == values.count(where: \.isNaN))
    #expect(same.nonFinite.infinite.stayed == values.count(where: \.isInfinite))
    #expect(!same.nonFinite.hasChanged && !same.nonFinite.isEmpty)
  }

  @Test func changesAreToldInWords() throws {
    let change = try #require(
      TensorDifference(
        from: Weights.tensor([1, 1, .nan, .infinity, .nan, .infinity, -.infinity]),
        to: Weights.tensor([.nan, .infinity, 1, 1, .nan, .infinity, .infinity]))
    )
    #expect(
      change.nonFinite.description
        == "1 became NaN, 2 became infinite, 1 no longer NaN, 2 no longer infinite, "
        + "1 stayed NaN, 1 stayed infinite")
    #expect(change.differentCount == 5)
    #expect(NonFiniteChange().description.isEmpty)
  }

  @Test func anAllNaNTensorHasNoError() throws {
    let gone = try #require(
      TensorDifference(
        from: Weights.tensor([1, 2]), to: Weights.tensor([.nan, .nan])))
    #expect(gone.relativeError.isNaN && gone.differentCount == 2)
  }
}
