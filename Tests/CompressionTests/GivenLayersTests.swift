import Compression
import Jobs
import Tensors
import TestSupport
import Testing

/// Figures are computed over what was changed, wherever it stands.
@Suite struct GivenLayersTests {
  private let model = SmallModel.parameters()

  private func compare(
    _ changed: Parameters, given: [LayerSelection]
  ) throws -> Comparison {
    try Comparison(of: model, with: changed, given: given, others: true, in: JobContext())
  }

  @Test func layersOutsideTheBlocksCountWhenAPassWasGivenThem() throws {
    let layers = LayerSelection.named(["wte"])
    let pruned = try Step(pass: Prune(), layers: layers).apply(to: model, in: JobContext())
    let found = try compare(pruned, given: [layers])
    #expect(found.layers.map(\.name) == ["wte", "h.0.fc", "h.0.proj", "h.1.fc", "h.1.proj"])
    #expect(found.total.weights == 550 && found.total.zeros == 35 && found.total.error > 0)
    let given = try #require(found.givenTotal)
    #expect(given.weights == 70 && given.sparsity == 0.5)
    #expect(given.error > found.total.error)
    // Told of nothing, it is among the others.
    let untold = try compare(pruned, given: [])
    #expect(untold.total.error == 0 && untold.givenTotal == nil)
    #expect(untold.othersTotal.map { $0.squaredError } == given.squaredError)
  }

  @Test func aModelWithoutLayersHasNoFigures() throws {
    let only = Parameters(model.filter { $0.name == "wte" })
    let found = try Comparison(of: only, with: only, in: JobContext())
    #expect(found.layers.isEmpty && found.others.isEmpty && found.given == nil)
    let all = try Comparison(of: only, with: only, others: true, in: JobContext())
    #expect(all.layers.isEmpty && all.others.map(\.name) == ["wte"])
  }

  @Test func allLinearLayersAreNoSelection() throws {
    let pruned = try Step(pass: Prune()).apply(to: model, in: JobContext())
    let found = try compare(pruned, given: [.all])
    #expect(found.given == nil && found.total.sparsity == 0.5)
    #expect(try #require(found.othersTotal).error == 0)
    // A buffer is no weight.
    #expect(found.others.allSatisfy { $0.place.role != .buffer })
  }

  @Test func whatIsNotFiniteIsCountedOverAllWeights() throws {
    let before = SmallModel.layer([2, 2], [1, .infinity, .nan, 4])
    let same = try Comparison(of: before, with: before, in: JobContext())
    #expect(same.total.error == 0 && same.nonFinite.count == 1)
    #expect(same.total.nonFinite.description == "1 stayed NaN, 1 stayed infinite")
    let after = SmallModel.layer([2, 2], [.nan, .infinity, 3, 4])
    let total = try Comparison(of: before, with: after, in: JobContext()).total
    #expect(total.error.isNaN)
    #expect(
      total.nonFinite.description == "1 became NaN, 1 no longer NaN, 1 stayed infinite")
  }
}
