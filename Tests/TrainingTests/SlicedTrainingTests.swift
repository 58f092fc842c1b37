import Models
import Tensors
import TestSupport
import Testing
import Training
import Transformers

/// Self-compressed networks can be sliced, and what is left can be trained.
@Suite struct SlicedTrainingTests {
  /// A network that has compressed itself, and what slicing makes of it.
  static func compressed() throws -> (whole: Parameters, sliced: SlicedNetwork) {
    let trainer = try CompressionRunTests.trainer(
      CompressionRunTests.settings(CompressionRunTests.fast, steps: 150))
    _ = try CompressionRunTests.run(trainer, to: 150)
    let whole = trainer.network.parameters()
    let sliced = try SlicedNetwork(
      ModelState(whole, configuration: CompressionRunTests.configuration))
    return (whole, sliced)
  }

  static func settings(of sliced: SlicedNetwork) -> [String: String] {
    sliced.model.configuration
  }

  @Test func deadChannelsGoWithoutATrace() throws {
    let (whole, sliced) = try Self.compressed()
    #expect(!sliced.isUnchanged)
    let tokens = (0..<16).map { $0 % CompressionRunTests.vocabulary.count }
    let before = try Network.make(whole, configuration: CompressionRunTests.configuration)
    let after = try Network.make(sliced.model.parameters, configuration: Self.settings(of: sliced))
    let (wanted, found) = (try before.logits(tokens).array, try after.logits(tokens).array)
    let largest = wanted.reduce(0) { max($0, abs($1)) }
    let worst = zip(wanted, found).reduce(0) { max($0, abs($1.0 - $1.1)) }
    #expect(worst <= 1e-5 * largest, "off by \(worst / largest)")
  }

  /// The loss is the whole network's, and so are the gradients of all that has kept
  /// its shape, with heads of any widths, without attention, and without an MLP.
  @Test(arguments: 1...4 as ClosedRange<UInt64>, [false, true])
  func gradientsAreThoseOfTheWholeNetwork(_ seed: UInt64, _ hasBias: Bool) throws {
    let whole = try Self.zeroed(seed, hasBias)
    let sliced = try SlicedNetwork(ModelState(whole, configuration: ["n_head": "4"]))
    #expect(sliced.blocks.contains { Set($0.heads).count > 1 })
    let settings = sliced.model.configuration
    let (sequences, length) = (2, 70)
    let inputs = SmallModel.tokens(sequences * length, seed: 3)
    let targets = SmallModel.tokens(sequences * length, seed: 4)
    let networks = try [(whole, ["n_head": "4"]), (sliced.model.parameters, settings)].map {
      try TrainingNetwork($0.0, configuration: $0.1, precision: .f32, threads: 2)
    }
    let losses = try networks.map {
      try $0.gradients(inputs, targets, sequences: sequences, length: length)
    }
    #expect(abs(losses[0] - losses[1]) < 1e-5 * losses[0])
    var compared = 0
    for tensor in networks[1].tensors {
      guard let other = networks[0].tensors.first(where: { $0.name == tensor.name }),
        other.shape == tensor.shape
      else { continue }
      compared += 1
      let (wanted, found) = unsafe (Array(other.gradient), Array(tensor.gradient))
      let largest = wanted.reduce(0) { max($0, abs($1)) }
      let worst = zip(wanted, found).reduce(0) { max($0, abs($1.0 - $1.1)) }
      #expect(worst <= 2e-5 * largest + 1e-9, "\(tensor.name): off by \(worst / largest)")
    }
    #expect(compared >= 6)
  }

  /// Compressed further, also where it is saved and restored between two removals.
  @Test func compressesFurther() throws {
    let sliced = try Self.compressed().sliced
    let configuration = Self.settings(of: sliced)
    let settings = CompressionRunTests.settings(CompressionRunTests.fast, steps: 40)
    func trainer(_ parameters: Parameters) throws -> Trainer {
      try Trainer(
        TrainingNetwork(
          parameters, configuration: configuration, precision: .f32, threads: 2),
        on: TrainingText(CompressionRunTests.words, vocabulary: CompressionRunTests.vocabulary),
        settings)
    }
    let whole = try trainer(sliced.model.parameters)
    let losses = try CompressionRunTests.run(whole, to: 40).map(\.loss)
    #expect(losses.allSatisfy { $0.isFinite })
    let first = try trainer(sliced.model.parameters)
    let early = try CompressionRunTests.run(first, to: 25).map(\.loss)
    let state = first.state()
    let second = try trainer(
      Parameters(state.filter { sliced.model.parameters[$0.name] != nil }))
    try second.restore(first.progress, state)
    #expect(early + (try CompressionRunTests.run(second, to: 40).map(\.loss)) == losses)
    let after = try Network.make(whole.network.parameters(), configuration: configuration)
    #expect(
      try after.evaluate(whole.text.validation, threads: 2).loss
        == whole.validate(configuration: configuration))
  }

  /// A small network with rows of zeros; in the second block attention or the MLP is
  /// gone altogether for some seeds.
  private static func zeroed(_ seed: UInt64, _ hasBias: Bool) throws -> Parameters {
    var generator = SplitMix64(seed: seed)
    let parameters = SmallModel.parameters(seed: seed, hasBias: hasBias)
    return parameters.replacing(
      try parameters.filter { $0.place.role == .linear }.map { parameter in
        let share =
          switch (seed, parameter.place.block, parameter.place.layer) {
          case (3, 1, "attn.c_attn"), (4, 1, "mlp.c_fc"): 1.0
          default: 0.4
          }
        let columns = parameter.shape.columns
        let isZero = (0..<parameter.shape.rows).map { _ in
          Double.random(in: 0..<1, using: &generator) < share
        }
        let values = try parameter.tensor().array.enumerated().map { index, value in
          isZero[index / columns] ? 0 : value
        }
        return parameter.replacing(Tensor(parameter.shape, values), grid: nil, mask: nil)
      })
  }
}
