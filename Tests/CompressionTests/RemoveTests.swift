import CheckpointIO
import Compression
import Jobs
import Models
import TestSupport
import Tensors
import Testing
import Transformers

/// Neurons and heads that a pass takes out of a network that was trained.
@Suite struct RemoveTests {
  private static func pass(
    _ part: Remove.Part, _ method: Remove.Method, _ amount: Double
  ) -> Remove {
    var pass = Remove()
    (pass.part, pass.method, pass.amount) = (part, method, amount)
    pass.calibration.sequences = 24
    pass.calibration.length = 32
    return pass
  }

  private static func loss(_ model: ModelState) throws -> Double {
    let network = try Network.make(model.parameters, configuration: model.configuration)
    let tokens = try #require(try CalibrationTests.model().texts).tokens(
      of: "", count: 24 * 32, threads: 2, shouldStop: { false })
    return try network.evaluate(tokens).loss
  }

  /// Of every block as many go, and layers are as narrow as that.
  @Test(arguments: Remove.Method.allCases)
  func asManyGoOfEachBlock(_ method: Remove.Method) throws {
    let model = try CalibrationTests.model()
    let changed = try Self.pass(.neurons, method, 0.25).apply(
      to: model, layers: .all, in: JobContext())
    let blocks = try Model(
      running: changed.parameters, configuration: changed.configuration
    ).config
    for block in 0..<blocks.blocks { #expect(blocks.shape(of: block).hidden == 96) }
    #expect(changed.parameters["transformer.h.0.mlp.c_fc.weight"]?.shape == [96, 32])
    #expect(changed.parameters["transformer.h.0.mlp.c_proj.weight"]?.shape == [32, 96])
  }

  /// What sees inputs loses less, and a search that fits the others least.
  @Test(arguments: [Remove.Part.neurons, .heads])
  func refittingLosesLeast(_ part: Remove.Part) throws {
    let model = try CalibrationTests.model()
    func loss(_ method: Remove.Method) throws -> Double {
      try Self.loss(
        Self.pass(part, method, 0.5).apply(to: model, layers: .all, in: JobContext()))
    }
    #expect(try loss(.refit) < loss(.inputs))
    #expect(try loss(.refit) < loss(.magnitude))
  }

  @Test func headsGoWithTheirRows() throws {
    let model = try CalibrationTests.model()
    let heads = try Model(running: model.parameters, configuration: model.configuration).config
      .heads
    let changed = try Self.pass(.heads, .refit, 0.5).apply(
      to: model, layers: .matching(["block.1.*"]), in: JobContext())
    let config = try Model(
      running: changed.parameters, configuration: changed.configuration
    ).config
    #expect(config.shape(of: 1).queryHeads == heads / 2)
    #expect(config.shape(of: 0).queryHeads == heads)
  }

  /// One head stays, and where none goes nothing changes.
  @Test func oneStays() throws {
    let model = try CalibrationTests.model()
    let most = try Self.pass(.heads, .magnitude, 0.95).apply(
      to: model, layers: .all, in: JobContext())
    let config = try Model(running: most.parameters, configuration: most.configuration).config
    for block in 0..<config.blocks { #expect(config.shape(of: block).queryHeads == 1) }
    let none = try Self.pass(.heads, .refit, 0.1).apply(to: model, layers: .all, in: JobContext())
    #expect(try none.parameters.bits() == model.parameters.bits())
  }

  @Test func whereNothingIsSelectedIsSaid() throws {
    let model = try CalibrationTests.model()
    #expect(
      throws: PassError(
        "remove takes neurons out where all layers of a block's MLP are selected, and they are in none"
      )
    ) {
      try Self.pass(.neurons, .refit, 0.5).apply(
        to: model, layers: .matching(["*.c_fc"]), in: JobContext())
    }
  }
}
