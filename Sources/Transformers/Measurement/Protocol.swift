/// Which tokens of a text are scored, and what the model sees before each.
public enum EvaluationProtocol: String, Sendable, Hashable, CaseIterable {
  /// Every token after the first, once: windows of a context's inputs, the next token after
  /// each predicted.
  case text
  /// Windows of a context's tokens without overlap, all but the first of each.
  case windows
  /// llama.cpp's `llama-perplexity`: whole windows of 512 tokens, the first one replaced by the
  /// token that begins texts where the model wants one; what follows the first half is scored.
  case llamaCpp = "llama.cpp"

  /// Tokens of a window where nobody says it.
  public var usualContext: Int { self == .llamaCpp ? 512 : Network.usualWindow }
}
