import Tensors
import Testing
import Training
import Transformers

/// Self-compression as a whole run.
@Suite struct CompressionRunTests {
  static let words = String(
    repeating: "five quacking zephyrs jolt my wax bed, and then they do so again! ", count: 20)
  static let vocabulary = TrainingText.vocabulary(of: words)
  static let shape = NetworkShape(blocks: 2, heads: 2, width: 16, context: 16)
  static let configuration = shape.configuration(vocabulary: vocabulary.count)

  static func settings(_ compression: CompressionSettings, steps: Int) -> TrainingSettings {
    TrainingSettings(
      length: .steps(steps), batch: 4, context: 16, dropout: 0.1,
      optimizer: OptimizerSettings(method: .adamw),
      schedule: .constantThenLinear(warmup: 2, share: 0.4), seed: 7, precision: "f32",
      threads: 2, compression: compression)
  }

  static func trainer(_ settings: TrainingSettings, _ state: Parameters? = nil) throws -> Trainer {
    let parameters =
      try state ?? FreshNetwork.parameters(shape, vocabulary: vocabulary.count, seed: 3)
    return try Trainer(
      TrainingNetwork(
        parameters, configuration: configuration, precision: .f32, threads: settings.threads),
      on: TrainingText(words, vocabulary: vocabulary), settings)
  }

  static func run(_ trainer: Trainer, to step: Int) throws -> [TrainingStep] {
    var steps: [TrainingStep] = []
    while trainer.progress.step < step { steps.append(try trainer.advance()) }
    return steps
  }

  /// A fast run in which channels die early and late.
  static let fast = CompressionSettings(
    gamma: 0.1, target: 0.8, depthRate: 0.1, exponentRate: 0.1, epsilon: 1e-4, removeEvery: 7)

  /// Saved and restored at any step, also between two removals, the run is the same
  /// to the last bit.
  @Test(arguments: [1, 20, 33, 58]) func resumesToTheSameBytes(_ stop: Int) throws {
    let settings = Self.settings(Self.fast, steps: 60)
    let whole = try Self.trainer(settings)
    let losses = try Self.run(whole, to: 60).map(\.loss)
    let first = try Self.trainer(settings)
    let early = try Self.run(first, to: stop).map(\.loss)
    let state = first.state()
    let second = try Self.trainer(settings, state)
    try second.restore(first.progress, state)
    #expect(early + (try Self.run(second, to: 60).map(\.loss)) == losses)
    #expect(second.progress.compression == whole.progress.compression)
    for (a, b) in zip(whole.network.parameters(), second.network.parameters()) {
      #expect(try a.tensor().array == b.tensor().array)
      #expect(a.grid == b.grid)
    }
  }

  /// The target is met, channels are gone for real, and what is saved is what was
  /// trained.
  @Test func reachesItsTarget() throws {
    let trainer = try Self.trainer(Self.settings(Self.fast, steps: 300))
    let compression = try #require(trainer.compression)
    let weights = trainer.network.tensors.reduce(0) { $0 + $1.shape.count }
    _ = try Self.run(trainer, to: 300)
    #expect(abs(compression.meanDepth - 0.8) < 0.15, "\(compression.meanDepth)")
    #expect(compression.channels.live < compression.channels.all / 2)
    #expect(trainer.network.tensors.reduce(0) { $0 + $1.shape.count } < weights / 2)
    let loss = try trainer.validate(configuration: Self.configuration)
    let saved = try Network.make(
      trainer.network.parameters(), configuration: Self.configuration)
    #expect(try saved.evaluate(trainer.text.validation, threads: 2).loss == loss)
    for parameter in trainer.network.parameters() where parameter.grid != nil {
      let (grid, values) = (try #require(parameter.grid), try parameter.tensor())
      for row in 0..<parameter.shape.rows {
        let codes = grid.codeRange(ofRow: row)
        for column in 0..<parameter.shape.columns {
          // The quotient itself may be rounded; the product is what is stored.
          let code = (values[row, column] / grid.scales[row]).rounded()
          #expect(code * grid.scales[row] == values[row, column])
          #expect(codes.contains(Int(code)))
        }
      }
    }
  }

  @Test(arguments: [
    CompressionSettings(gamma: -1), CompressionSettings(gamma: .nan),
    CompressionSettings(target: 0), CompressionSettings(depth: 17),
    CompressionSettings(depthRate: .infinity), CompressionSettings(removeEvery: 0),
    CompressionSettings(settleAt: 2),
  ])
  func refusesSettingsThatMakeNoSense(_ settings: CompressionSettings) throws {
    #expect(throws: TrainingError.self) {
      _ = try Self.trainer(Self.settings(settings, steps: 3))
    }
  }
}
