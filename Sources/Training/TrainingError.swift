/// Why training cannot begin or go on. Each is one sentence.
public enum TrainingError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The part of a text that is trained on, or validated on, has too few tokens.
  case textTooShort(part: String, tokens: Int, needed: Int)
  /// The loss, or a gradient, is not a number or infinite. The weights are still
  /// those after step `step` − 1.
  case notFinite(step: Int, tensor: String?)
  /// A setting that makes no sense.
  case badSetting(String)

  public var description: String {
    switch self {
    case .textTooShort(let part, let tokens, let needed):
      "The \(part) part of the text has \(tokens) token\(tokens == 1 ? "" : "s"); "
        + "at least \(needed) are needed."
    case .notFinite(let step, let tensor):
      "Training stopped: at step \(step) the loss or its gradient is no finite number"
        + (tensor.map { ", first seen in \($0)" } ?? "")
        + "; the weights are those after step \(step - 1)."
    case .badSetting(let sentence): sentence
    }
  }
}
