/// How far a training run is.
public struct TrainingProgress: Sendable, Hashable, Codable {
  public var settings: TrainingSettings
  /// Steps done.
  public var step = 0
  /// Seconds of training, those before an interruption included.
  public var elapsed = 0.0
  /// `TrainingText.fingerprint` of the text that is trained on.
  public var text: String
  /// The last validation loss, and the lowest.
  public var validation: Double?
  public var bestValidation: Double?
  /// The step after which it was measured.
  public var validatedStep: Int?
  /// How far self-compression is, where there is one.
  public var compression: CompressionProgress?
  /// What the schedule's learning rate is multiplied by, where somebody turned it.
  public var rateScale: Double?

  public init(settings: TrainingSettings, text: String) {
    self.settings = settings
    self.text = text
  }

  /// Steps the whole run will have, as far as can be known.
  public var total: Int {
    switch settings.length {
    case .steps(let steps): return steps
    case .minutes(let minutes):
      // The first steps prepare products and say little about the others.
      let isKnown = step >= 3 && elapsed > 0
      guard isKnown else { return Int(Int32.max) }
      let steps = minutes * 60 / elapsed * Double(step)
      return max(Int(min(steps, Double(Int32.max))), step)
    }
  }

  public var isFinished: Bool {
    switch settings.length {
    case .steps(let steps): step >= steps
    case .minutes(let minutes): elapsed >= minutes * 60
    }
  }

  /// Seconds to the end, once steps tell.
  public var secondsLeft: Double? {
    if case .minutes(let minutes) = settings.length { return max(minutes * 60 - elapsed, 0) }
    guard step >= 3 else { return nil }
    return elapsed / Double(step) * Double(max(total - step, 0))
  }
}
