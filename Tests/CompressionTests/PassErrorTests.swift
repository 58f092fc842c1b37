import Compression
import Tensors
import Testing

/// What a pass refuses once its settings are read (`StepTests` has what it refuses then).
@Suite struct PassErrorTests {
  private func prune(_ change: (inout Prune) -> Void) -> Prune {
    var pass = Prune()
    change(&pass)
    return pass
  }

  @Test func settingsThatDoNotGoTogether() {
    for (pass, sentence) in [
      (
        prune {
          $0.structure = .nOfM
          ($0.n, $0.m) = (5, 4)
        }, "prune keeps n of m weights, so n is at most m, not 5 of 4"
      ),
      (
        prune { ($0.structure, $0.method) = (.nOfM, .threshold) },
        "prune keeps n of m by magnitude or at random, not by a threshold"
      ),
      (
        prune { ($0.structure, $0.scope) = (.channel, .channel) },
        "prune compares whole channels within a layer or the model, not a channel"
      ),
    ] {
      #expect(throws: PassError(sentence)) { try pass.validate() }
      #expect(throws: PassError(sentence)) { try pass.run(on: SmallModel.parameters()) }
    }
  }

  @Test func settingsThatDoNothing() throws {
    let error = try #require(throws: PassError.self) { try Prune().checkMatters("n") }
    #expect(error.description == "prune has no use for n here: n needs structure n:m")
  }

  @Test func weightsThatAreNoNumbers() {
    let parameters = SmallModel.layer([2, 2], [0, 1, 2, .nan])
    #expect(throws: PassError("w has a weight that is no finite number, at [1, 1]")) {
      try Quantize().run(on: parameters)
    }
  }
}
