import Tensors
import Testing
import Training

/// Every reason for which training does not begin or go on, with its sentence. A case of
/// `TrainingError` or `TrainingStateError` that is missing here does not compile.
@Suite struct TrainingErrorTests {
  enum Reason: CaseIterable, Sendable {
    case textTooShort, notFinite, badSetting, missing, shape

    init(_ error: TrainingError) {
      self =
        switch error {
        case .textTooShort: .textTooShort
        case .notFinite: .notFinite
        case .badSetting: .badSetting
        }
    }

    init(_ error: TrainingStateError) {
      self =
        switch error {
        case .missing: .missing
        case .shape: .shape
        }
    }
  }

  @Test(arguments: Reason.allCases) func eachHasItsSentence(reason: Reason) throws {
    do {
      try cause(reason)
      Issue.record("\(reason) was not thrown")
    } catch let error as TrainingError {
      #expect(Reason(error) == reason && error.description == sentence(of: reason))
    } catch let error as TrainingStateError {
      #expect(Reason(error) == reason && error.description == sentence(of: reason))
    }
  }

  private func sentence(of reason: Reason) -> String {
    switch reason {
    case .textTooShort:
      "The training part of the text has 10 tokens; at least 13 are needed."
    case .notFinite:
      "Training stopped: at step 1 the loss or its gradient is no finite number, first seen in "
        + "h.0.ln_1.weight; the weights are those after step 0."
    case .badSetting: "Training takes at least one step."
    case .missing: "The saved training has no tensor optimizer.first.wte.weight."
    case .shape:
      "The saved training has optimizer.first.wte.weight as 2, and 37 × 20 is needed."
    }
  }

  private func cause(_ reason: Reason) throws {
    switch reason {
    case .textTooShort:
      let words = "the quick br"
      try TrainingText(words, vocabulary: TrainingText.vocabulary(of: words)).check(context: 12)
    case .notFinite:
      throw TrainingError.notFinite(step: 1, tensor: "h.0.ln_1.weight")
    case .badSetting:
      var settings = TrainingPreset.tiny.settings
      settings.length = .steps(0)
      try settings.check()
    case .missing: try restore([])
    case .shape:
      let tensor = Tensor([2], [0, 0])
      let name = "optimizer.first.wte.weight"
      try restore([
        Parameter(
          name: name, shape: [2], dtype: .f32,
          place: Place(block: nil, layer: name, role: .optimizer), load: { tensor })
      ])
    }
  }

  private func restore(_ state: [Parameter]) throws {
    let optimizer = try Optimizer(SmallModel.network(), OptimizerSettings(method: .adamw))
    try optimizer.restore(Parameters(state), steps: 1)
  }

  @Test func everySettingHasItsSentence() {
    func expect(
      _ sentence: String, sourceLocation: SourceLocation = #_sourceLocation,
      _ change: (inout TrainingSettings) -> Void
    ) {
      var settings = TrainingPreset.tiny.settings
      change(&settings)
      #expect(throws: TrainingError.badSetting(sentence), sourceLocation: sourceLocation) {
        try settings.check()
      }
    }
    func compressing(_ change: (inout CompressionSettings) -> Void) -> CompressionSettings {
      var settings = CompressionSettings()
      change(&settings)
      return settings
    }
    expect("batch is a whole number from 1 to 65536, not 0.") { $0.batch = 0 }
    expect("threads is a whole number from 1 to 1024, not 1025.") { $0.threads = 1025 }
    expect("dropout is a number from 0 to below 1, not 1.0.") { $0.dropout = 1 }
    expect("The learning rate is a number from 0 to 100, not -1.0.") {
      $0.optimizer.adamW.rate = -1
    }
    expect("A setting of the training is out of its range.") { $0.validateEvery = -1 }
    expect("gamma is a number from 0 to 100, not -1.0.") {
      $0.compression = compressing { $0.gamma = -1 }
    }
    expect("The target is above 0 and at most 16 bits, not 0.0.") {
      $0.compression = compressing { $0.target = 0 }
    }
    expect("The first depth is above 0 and at most 16 bits, not 17.0.") {
      $0.compression = compressing { $0.depth = 17 }
    }
    expect("A setting of self-compression is out of its range.") {
      $0.compression = compressing { $0.settleAt = 2 }
    }
    #expect(throws: TrainingError.badSetting("3 heads do not divide a width of 16.")) {
      try NetworkShape(blocks: 1, heads: 3, width: 16, context: 8).check()
    }
    #expect(
      throws: TrainingError.badSetting("blocks is a whole number from 1 to 1024, not 0.")
    ) { try NetworkShape(blocks: 0, heads: 1, width: 16, context: 8).check() }
  }
}
