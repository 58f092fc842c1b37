import Compression
import Jobs
import Tensors
import TestSupport
import Testing

@Suite struct ComparisonTests {
  @Test func aModelIsNoErrorFromItself() throws {
    let model = SmallModel.parameters()
    let comparison = try Comparison(of: model, with: model, in: JobContext())
    #expect(comparison.layers.map(\.name) == ["h.0.fc", "h.0.proj", "h.1.fc", "h.1.proj"])
    #expect(comparison.total.error == 0 && comparison.total.sparsity == 0)
    #expect(comparison.total.weights == 480 && comparison.total.kept == 480)
    #expect(comparison.missing.isEmpty)
  }

  @Test func knownMatrices() throws {
    let before = SmallModel.layer([2, 2], [3, 0, 0, 4])
    let after = SmallModel.layer([2, 2], [3, 0, 0, 1])
    let total = try Comparison(of: before, with: after, in: JobContext()).total
    #expect(total.squaredNorm == 25 && total.squaredError == 9)
    #expect(total.error == 0.6)
    #expect(total.zeros == 2 && total.kept == 4)
  }

  /// What pruning loses is what it takes away: ‖W‖² = ‖W′‖² + ‖W − W′‖².
  @Test func pruningIsAnOrthogonalProjection() throws {
    let model = SmallModel.parameters()
    let pruned = try Prune().run(on: model)
    let loss = try Comparison(of: model, with: pruned, in: JobContext()).total
    let rest = try Comparison(of: pruned, with: pruned, in: JobContext()).total
    #expect(abs(loss.squaredNorm - loss.squaredError - rest.squaredNorm) < 1e-12)
    #expect(loss.kept == 240 && loss.sparsity == 0.5)
  }

  @Test func otherShapesAndNamesAreMissing() throws {
    let model = SmallModel.parameters()
    let other = SmallModel.layer([2, 2], [1, 2, 3, 4])
    let comparison = try Comparison(of: model, with: other, in: JobContext())
    #expect(comparison.layers.isEmpty && comparison.missing.count == 4)
    #expect(comparison.total.error == 0)
  }

  @Test func zerosThatBecameSomethingAreInfinitelyFar() throws {
    let total = try Comparison(
      of: SmallModel.layer([1, 2], [0, 0]), with: SmallModel.layer([1, 2], [0, 1]),
      in: JobContext()
    ).total
    #expect(total.error == .infinity)
  }
}
