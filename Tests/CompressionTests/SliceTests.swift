import Compression
import Jobs
import Models
import Tensors
import TestSupport
import Testing
import Transformers

@Suite struct SliceTests {
  private static let tokens = [3, 1, 4, 1, 5, 2]

  private static func slice(
    _ model: ModelState, layers: LayerSelection = .all
  ) throws -> ModelState {
    try Slice().apply(to: model, layers: layers, in: JobContext(threads: 2))
  }

  /// Logits agree to 2e-5 of the largest.
  private static func expectSameOutputs(_ before: ModelState, _ after: ModelState) throws {
    let logits = try [before, after].map {
      try Network.make($0.parameters, configuration: $0.configuration).logits(tokens).array
    }
    let largest = logits[0].reduce(0) { max($0, abs($1)) }
    let worst = zip(logits[0], logits[1]).reduce(0) { max($0, abs($1.0 - $1.1)) }
    #expect(worst <= 2e-5 * largest, "off by \(worst / largest)")
  }

  @Test func zerosGoAndTheSettingsSaySo() throws {
    let model = RunnableModel.state()
    let sliced = try Self.slice(model)
    let parameters = sliced.parameters
    #expect(parameters["h.0.mlp.c_fc.weight"]?.shape == [9, 8])
    #expect(parameters["h.0.mlp.c_proj.weight"]?.shape == [8, 9])
    #expect(parameters["h.0.attn.c_attn.weight"]?.shape == [23, 8])
    #expect(parameters["h.1.attn.c_attn.weight"]?.shape == [12, 8])
    #expect(parameters["h.1.attn.c_proj.weight"]?.shape == [8, 4])
    #expect(sliced.configuration["pare.blocks"] != nil && sliced.configuration["n_head"] == "2")
    try Self.expectSameOutputs(model, sliced)
    // Once is enough.
    let again = try Self.slice(sliced)
    #expect(again.configuration == sliced.configuration)
    for (a, b) in zip(parameters, again.parameters) { #expect(a.isIdentical(to: b)) }
  }

  @Test func withoutZerosNothingChanges() throws {
    var fill = RunnableModel.parameters()
    fill = fill.replacing(
      try fill.map { parameter in
        let values = try parameter.tensor().array.map { $0 == 0 ? 0.25 : $0 }
        return parameter.replacing(Tensor(parameter.shape, values), grid: nil, mask: nil)
      })
    let model = ModelState(fill, configuration: RunnableModel.settings)
    let after = try Self.slice(model)
    #expect(after.configuration == model.configuration && after.parameters.count == fill.count)
    for (a, b) in zip(fill, after.parameters) { #expect(a.isIdentical(to: b)) }
  }

  /// What passes know of weights goes along: masks, grids of whole rows, depths.
  @Test(arguments: [Quantize.Granularity.tensor, .channel, .group])
  func masksAndGridsGoAlong(_ granularity: Quantize.Granularity) throws {
    var prune = Prune()
    prune.amount = 0.3
    var quantize = Quantize()
    (quantize.granularity, quantize.groupSize) = (granularity, 4)
    let pruned = try prune.run(on: RunnableModel.parameters())
    let model = ModelState(
      try quantize.run(on: pruned), configuration: RunnableModel.settings)
    let sliced = try Self.slice(model)
    try Self.expectSameOutputs(model, sliced)
    for layer in sliced.parameters.linearLayers {
      let mask = try #require(layer.mask)
      let values = try layer.tensor().array
      #expect(values.indices.allSatisfy { mask[$0] || values[$0] == 0 })
      let isCut = layer.shape.columns != model.parameters[layer.name]?.shape.columns
      #expect((layer.grid == nil) == (granularity == .group && isCut))
      guard let grid = layer.grid else { continue }
      for (index, value) in values.enumerated() {
        let groups = grid.scales.count == 1 ? 1 : grid.scales.count / layer.shape.rows
        let (row, column) = index.quotientAndRemainder(dividingBy: layer.shape.columns)
        let scale =
          grid.scales.count == 1
          ? grid.scales[0] : grid.scales[row * groups + column / grid.groupSize]
        let code = (value / scale).rounded()
        #expect(abs(code * scale - value) <= 1e-6 * abs(value))
      }
    }
  }

  @Test func depthsGoAlong() throws {
    var allocate = Allocate()
    allocate.bits = 1.5
    let model = ModelState(
      try allocate.run(on: RunnableModel.parameters()), configuration: RunnableModel.settings)
    let sliced = try Self.slice(model)
    try Self.expectSameOutputs(model, sliced)
    for layer in sliced.parameters.linearLayers {
      #expect(layer.grid?.depths.count == layer.shape.rows)
    }
  }

  /// Made anew at each reading, a model larger than memory gives the same.
  @Test func largeModelsGiveTheSame() throws {
    let model = RunnableModel.state()
    let kept = try Self.slice(model)
    let made = try LargeModel.$weightCount.withValue(1) { try Self.slice(model) }
    #expect(made.configuration == kept.configuration)
    #expect(try made.parameters.bits() == kept.parameters.bits())
    #expect(made.parameters.contains { $0.isDeferred })
  }

  /// Inputs that are gone have no mean squares.
  @Test func inputsGoAlong() throws {
    let name = "h.0.mlp.c_proj.weight"
    let parameters = RunnableModel.parameters()
    let knowing = parameters.replacing(
      parameters.filter { $0.name == name }.map { $0.knowing { _, _ in (0..<12).map(Float.init) } })
    let sliced = try Self.slice(ModelState(knowing, configuration: RunnableModel.settings))
    let squares = try sliced.parameters[name]?.inputSquares(threads: 1, shouldStop: { false })
    #expect(squares == [1, 2, 3, 4, 7, 8, 9, 10, 11])
  }

  /// Channels go where all layers of a part are selected.
  @Test func partsAreChosenByTheirLayers() throws {
    let model = RunnableModel.state()
    let sliced = try Self.slice(model, layers: .matching(["block.0.mlp.*", "block.1.attn.c_attn"]))
    #expect(sliced.parameters["h.0.mlp.c_fc.weight"]?.shape == [9, 8])
    #expect(sliced.parameters["h.1.attn.c_attn.weight"]?.shape == [24, 8])
    try Self.expectSameOutputs(model, sliced)
    let error = #expect(throws: PassError.self) {
      try Self.slice(model, layers: .matching(["*.c_fc"]))
    }
    #expect(
      error?.description
        == "slice takes channels out of an attention or an MLP, and none has all its layers "
        + "selected")
  }

  @Test func whatDoesNotRunIsRefused() throws {
    let model = ModelState(SmallModel.parameters(), configuration: [:])
    let error = #expect(throws: NetworkError.self) { try Self.slice(model) }
    #expect(error?.description.hasPrefix("This model cannot be run: ") == true)
  }
}
