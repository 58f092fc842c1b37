import Tensors
import Testing
import Training
import Transformers

/// Training is a function of its settings.
@Suite struct TrainerTests {
  static let words = String(
    repeating: "the quick brown fox jumps over the lazy dog. pack my box with jugs! ", count: 20)
  static let shape = NetworkShape(blocks: 2, heads: 2, width: 16, context: 12)

  static func settings(
    _ method: OptimizerSettings.Method = .muon, steps: Int = 12
  ) -> TrainingSettings {
    TrainingSettings(
      length: .steps(steps), batch: 6, context: 12, accumulate: 2, dropout: 0.1,
      optimizer: OptimizerSettings(method: method),
      schedule: .constantThenLinear(warmup: 2, share: 0.4), seed: 7, precision: "f32",
      threads: 2)
  }

  static let configuration = shape.configuration(vocabulary: vocabulary.count)
  static let vocabulary = TrainingText.vocabulary(of: words)

  static func trainer(
    _ settings: TrainingSettings, parameters: Parameters? = nil
  ) throws -> Trainer {
    let parameters =
      try parameters
      ?? FreshNetwork.parameters(shape, vocabulary: vocabulary.count, seed: settings.seed)
    let network = try TrainingNetwork(
      parameters, configuration: configuration, precision: .f32, threads: settings.threads)
    return try Trainer(network, on: TrainingText(words, vocabulary: vocabulary), settings)
  }

  static func run(_ trainer: Trainer, to step: Int) throws -> [Double] {
    var losses: [Double] = []
    while trainer.progress.step < step { losses.append(try trainer.advance().loss) }
    return losses
  }

  static func values(_ trainer: Trainer) -> [[Float]] { OptimizerTests.values(trainer.network) }

  @Test(arguments: [OptimizerSettings.Method.adamw, .muon])
  func resumesToTheSameBytes(_ method: OptimizerSettings.Method) throws {
    let settings = Self.settings(method)
    let whole = try Self.trainer(settings)
    let losses = try Self.run(whole, to: 12)
    let first = try Self.trainer(settings)
    let early = try Self.run(first, to: 5)
    let state = first.state()
    let second = try Self.trainer(settings, parameters: state)
    try second.restore(first.progress, state)
    let late = try Self.run(second, to: 12)
    #expect(early + late == losses)
    #expect(Self.values(second) == Self.values(whole))
    #expect(second.progress.isFinished)
  }

  @Test func learns() throws {
    let trainer = try Self.trainer(Self.settings(steps: 200))
    let losses = try Self.run(trainer, to: 200)
    let loss = try trainer.validate(configuration: Self.configuration)
    #expect(losses[0] > 3)
    #expect(loss < losses[0] - 1, "\(loss) after \(losses[0])")
    #expect(trainer.progress.validation == loss && trainer.progress.bestValidation == loss)
  }

  /// A rate turned to 0 moves nothing; what was turned is remembered.
  @Test func theRateCanBeTurned() throws {
    let trainer = try Self.trainer(Self.settings(.adamw))
    _ = try Self.run(trainer, to: 2)
    let before = Self.values(trainer)
    trainer.rateScale = 0
    _ = try Self.run(trainer, to: 4)
    #expect(Self.values(trainer) == before)
    #expect(trainer.progress.rateScale == 0)
    trainer.rateScale = .nan
    #expect(trainer.rateScale == 0)
  }

  @Test func seedsMatter() throws {
    var settings = Self.settings()
    let first = try Self.trainer(settings)
    settings.seed = 8
    let second = try Self.trainer(settings)
    #expect(Self.values(first) != Self.values(second))
    #expect(try Self.run(first, to: 1) != Self.run(second, to: 1))
  }

  /// A weight that is infinite makes the loss NaN: nothing is changed, and the error
  /// says when and where.
  @Test func stopsBeforeItSpoilsWeights() throws {
    let trainer = try Self.trainer(Self.settings())
    _ = try Self.run(trainer, to: 3)
    let tensor = trainer.network.tensors[4]
    unsafe tensor.values[0] = .infinity
    let before = Self.values(trainer)
    #expect {
      _ = try trainer.advance()
    } throws: { error in
      guard case TrainingError.notFinite(step: 4, tensor: .some)? = error as? TrainingError else {
        return false
      }
      return "\(error)".contains("step 4")
    }
    #expect(Self.values(trainer) == before)
    #expect(trainer.progress.step == 3)
  }

  @Test func refusesWhatDoesNotFit() throws {
    let vocabulary = Self.vocabulary
    func refuses(_ change: (inout TrainingSettings) -> Void) -> Bool {
      var settings = Self.settings()
      change(&settings)
      do {
        _ = try Self.trainer(settings)
        return false
      } catch { return error is TrainingError }
    }
    #expect(refuses { $0.context = 13 })
    #expect(refuses { $0.batch = 0 })
    #expect(refuses { $0.dropout = 1 })
    #expect(refuses { $0.dropout = .nan })
    #expect(refuses { $0.length = .steps(0) })
    #expect(refuses { $0.length = .minutes(.nan) })
    #expect(refuses { $0.optimizer.adamW.rate = -1 })
    #expect(refuses { $0.optimizer.muon.rate = .infinity })
    let short = try TrainingText("the quick br", vocabulary: vocabulary)
    #expect(throws: TrainingError.textTooShort(part: "training", tokens: 10, needed: 13)) {
      try short.check(context: 12)
    }
  }

  @Test func namesTheCharacterItDoesNotKnow() throws {
    let text = String(repeating: "a", count: 95) + "é" + String(repeating: "a", count: 4)
    #expect(
      throws: NetworkError.unknownCharacter(character: "\"é\" (U+E9)", position: 95)
    ) { try TrainingText(text, vocabulary: ["a"]) }
  }

  @Test func minutesEndByTheClock() {
    var settings = Self.settings()
    settings.length = .minutes(2)
    var progress = TrainingProgress(settings: settings, text: "")
    (progress.step, progress.elapsed) = (30, 60)
    #expect(progress.total == 60 && !progress.isFinished)
    #expect(progress.secondsLeft == 60)
    progress.elapsed = 120
    #expect(progress.isFinished)
  }
}

@Suite struct FreshNetworkTests {
  @Test func isNanoGPTs() throws {
    let preset = TrainingPreset.shakespeareChar
    let parameters = try FreshNetwork.parameters(preset.shape, vocabulary: 65, seed: 1)
    #expect(parameters.reduce(0) { $0 + $1.shape.count } == 10_745_088)
    for (name, deviation) in [
      ("transformer.wte.weight", 0.02), ("transformer.h.3.attn.c_attn.weight", 0.02),
      ("transformer.h.5.mlp.c_proj.weight", 0.02 / 12.0.squareRoot()),
    ] {
      let values = try #require(parameters[name]).tensor().array.map(Double.init)
      let mean = values.reduce(0, +) / Double(values.count)
      let square = values.reduce(0) { $0 + $1 * $1 } / Double(values.count)
      // Four deviations of what so many draws differ by.
      let error = 4 / Double(values.count).squareRoot()
      #expect(abs(mean) <= error * deviation, "\(name)")
      #expect(abs(square.squareRoot() / deviation - 1) <= error, "\(name)")
    }
    let norm = try #require(parameters["transformer.h.0.ln_1.weight"]).tensor().array
    #expect(norm.allSatisfy { $0 == 1 })
  }

  @Test func countsItsWeights() throws {
    let shape = NetworkShape(blocks: 3, heads: 2, width: 8, context: 5)
    let parameters = try FreshNetwork.parameters(shape, vocabulary: 7, seed: 1)
    #expect(parameters.reduce(0) { $0 + $1.shape.count } == shape.weights(vocabulary: 7))
  }

  @Test func saysWhenAMachineIsTooSmall() {
    let shape = NetworkShape(blocks: 1024, heads: 1, width: 65536, context: 8)
    let weights = shape.weights(vocabulary: 65)
    #expect(throws: TrainingError.self) {
      try TrainingMemory.check(shape, weights: weights, TrainingPreset.tiny.settings)
    }
    let small = TrainingPreset.shakespeareChar
    #expect(throws: Never.self) {
      try TrainingMemory.check(small.shape, weights: 10_745_088, small.settings)
    }
  }

  @Test func refusesShapes() {
    for shape in [
      NetworkShape(blocks: 1, heads: 3, width: 16, context: 8),
      NetworkShape(blocks: 0, heads: 1, width: 16, context: 8),
      NetworkShape(blocks: 1, heads: 1, width: Int.max, context: 8),
    ] {
      #expect(throws: TrainingError.self) {
        try FreshNetwork.parameters(shape, vocabulary: 5, seed: 1)
      }
    }
  }
}

@Suite struct BatchSamplerTests {
  @Test func windowsFollowTheText() {
    let tokens = (0..<50).map(Int32.init)
    let sampler = BatchSampler(tokens, sequences: 64, length: 9, seed: 3)
    var starts: Set<Int32> = []
    for step in 0..<20 {
      let (inputs, targets) = sampler.batch(step: step)
      for window in 0..<64 {
        let range = window * 9..<(window + 1) * 9
        let first = inputs[range.lowerBound]
        starts.insert(first)
        #expect(Array(inputs[range]) == (0..<9).map { first + $0 })
        #expect(Array(targets[range]) == (1...9).map { first + $0 })
      }
      #expect(sampler.batch(step: step).inputs == inputs)
    }
    // Every window that fits is drawn, the first and the last too.
    #expect(starts == Set(0...40))
  }

  @Test func oneWindowThereIs() {
    let sampler = BatchSampler([1, 2, 3], sequences: 2, length: 2, seed: 1)
    #expect(sampler.batch(step: 0).targets == [2, 3, 2, 3])
  }
}
