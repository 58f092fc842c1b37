import Tensors
import Testing

/// From which size on a model is large, whatever its tensors count.
@Suite struct ModelSizeTests {
  @Test(arguments: [
    ([], 1, false), ([], 0, true), ([3, 4], 7, true), ([3, 4], 8, false), ([7], 7, true),
    ([.max, .max, .max], .max, true), ([.max - 1, 1], .max, true), ([.max - 1], .max, false),
    ([0, 0, 1 << 28], 1 << 28, true),
  ])
  func sumsReachTheThreshold(counts: [Int], threshold: Int, isLarge: Bool) {
    LargeModel.$weightCount.withValue(threshold) {
      #expect(LargeModel.isMade(ofCounts: counts) == isLarge)
    }
  }

  /// What comes behind is not even asked for.
  @Test func countingStopsAtTheThreshold() {
    var asked = 0
    let counts = sequence(first: 1) { $0 + 1 }.lazy.map { count in
      asked += 1
      return count
    }
    LargeModel.$weightCount.withValue(15) {
      #expect(LargeModel.isMade(ofCounts: counts))
    }
    #expect(asked == 5)
  }

  @Test func aNameIsFoundAfterChanges() throws {
    let parameters = Parameters(
      ["a", "b", "a"].enumerated().map { number, name in
        Parameter(
          name: name, shape: [1], dtype: .f32,
          place: Place(block: nil, layer: name, role: .other),
          load: { Tensor([1], [Float(number)]) })
      })
    let changed = parameters.replacing([
      try #require(parameters["b"]).replacing(Tensor([1], [7]), grid: nil, mask: nil)
    ])
    for (name, value) in [("a", Float(2)), ("b", 7)] {
      let found = try #require(changed[name]).tensor()
      unsafe found.withUnsafeValues { #expect(unsafe $0[0] == value) }
    }
    #expect(changed["c"] == nil)
    #expect(try #require(changed["a"]).isIdentical(to: parameters[2]))
    #expect(!(try #require(changed["b"]).isIdentical(to: parameters[1])))
  }
}
