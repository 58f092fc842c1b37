/// On what a model's loss is measured.
public enum EvaluationText: Hashable, Sendable {
  /// A text that the original itself writes: seeded, at temperature 1.
  case selfWritten
  /// A UTF-8 file.
  case file(String)
}

/// How much of a text file is measured.
public enum TextPart: String, Hashable, Sendable, CaseIterable {
  /// All of it.
  case whole
  /// The last tenth of its characters: those kept back from training.
  case validation
}
