internal import Models
internal import Tensors
internal import Transformers

/// On what text a pass measures what goes into layers, and how much of it.
public struct Calibration: Sendable, Hashable, Codable {
  /// A text file; empty for a text that the original writes itself.
  public var text = ""
  /// Tells the file's content from others, where a recipe names one; empty for any.
  public var mark = ""
  /// Sequences that are run.
  public var sequences = 64
  /// Tokens of each.
  public var length = 512
  /// What is added to the diagonal of the inputs' products, as a share of its mean, where weights
  /// make up for others.
  public var damping: Double
  /// How much of what has become of a layer's inputs it makes up for: 0 for none, 1 for all that it
  /// can. All fits the text best; less does better on other texts.
  public var drift: Double

  /// 64 sequences of 512 tokens that the original writes.
  public init(damping: Double = 0.01, drift: Double = 0.5) {
    (self.damping, self.drift) = (damping, drift)
  }

  /// Refuses a mark of no text.
  func validate() throws {
    if text.isEmpty, !mark.isEmpty {
      throw PassError("text-mark tells texts apart, and no text is named")
    }
  }

  /// The same with the mark that its text has. Throws what reading the text throws.
  func marked(by texts: (any CalibrationTexts)?) throws -> Calibration {
    guard mark.isEmpty, !text.isEmpty, let texts else { return self }
    var marked = self
    marked.mark = try texts.mark(of: text)
    return marked
  }

  /// The sequences, one after the other, and their length, which is no more than the model's
  /// context. Throws `PassError` where the text is not the one that was named, or has less than one
  /// sequence, and what reading it throws.
  func tokens(
    for model: ModelState, threads: Int, shouldStop: @escaping @Sendable () -> Bool
  ) throws -> (tokens: [Int], length: Int) {
    guard let texts = model.texts else {
      throw PassError("what goes into layers cannot be measured, as the model cannot be run")
    }
    if !mark.isEmpty {
      let found = try texts.mark(of: text)
      guard found == mark else {
        throw PassError("the text \(text) is another than the recipe names: \(found), not \(mark)")
      }
    }
    let length = min(
      length,
      try Model(running: model.parameters, configuration: model.configuration).config.context)
    let tokens = try texts.tokens(
      of: text, count: sequences * length, threads: threads, shouldStop: shouldStop)
    guard tokens.count >= length else {
      throw PassError(
        "the text \(text) has \(tokens.count) tokens, fewer than one sequence of \(length)")
    }
    return (Array(tokens.prefix(tokens.count / length * length)), length)
  }
}

extension Calibration {
  private static let dials: [Dial<Calibration>] = [
    .text(
      "text", \.text,
      help:
        "The text file that is run to see what goes into layers; none for one that the original "
        + "writes itself."),
    .text(
      "text-mark", \.mark, .words,
      help: "Tells the text's content from others, where a recipe names it.",
      when: { !$0.mark.isEmpty }),
    .integer(
      "sequences", \.sequences, in: 1...4096, step: 8, help: "How many sequences of it are run."),
    .integer("length", \.length, in: 2...8192, step: 64, help: "Tokens of a sequence."),
  ]

  private static let damping = Dial<Calibration>.number(
    "damping", \.damping, in: 0...1, step: 0.001,
    help: "How little weights move to make up for others: more is safer on other texts.")
  private static let drift = Dial<Calibration>.number(
    "drift", \.drift, in: 0...1, step: 0.05,
    help: "How far each layer makes up for what earlier layers have done to its inputs.")

  /// The dials of a pass that has a calibration; `makesUp` where weights make up for others,
  /// `follows` where they do for what has become of the inputs too.
  static func dials<Pass>(
    of path: any WritableKeyPath<Pass, Calibration> & Sendable,
    when isUsed: @escaping @Sendable (Pass) -> Bool, makesUp: @escaping @Sendable (Pass) -> Bool,
    follows: @escaping @Sendable (Pass) -> Bool
  ) -> [Dial<Pass>] {
    dials.map { $0.of(path, when: isUsed) }
      + [damping.of(path, when: makesUp), drift.of(path, when: follows)]
  }
}
