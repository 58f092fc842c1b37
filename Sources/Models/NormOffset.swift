/// Gemma's norms multiply by 1 + w: its files have w, those of llama.cpp 1 + w.
public enum NormOffset {
  /// llama.cpp's and Hugging Face's words.
  private static let types: Set = ["gemma", "gemma2", "gemma3", "gemma3_text"]

  /// Offset still to add to norm weights of a file; nil where the family has none.
  public static func of(type: String, in dialect: Dialect) -> Float? {
    types.contains(type) ? dialect == .llamaCpp ? 0 : 1 : nil
  }
}
