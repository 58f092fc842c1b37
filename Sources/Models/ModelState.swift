public import Tensors

/// A model as passes change it: its tensors, and the settings that they belong to.
public struct ModelState: Sendable {
  public let parameters: Parameters
  /// Under flat names, as of a checkpoint; `ModelConfig` is made of them.
  public let configuration: [String: String]

  /// Where passes find texts to calibrate on; nil where the model cannot be run.
  public let texts: (any CalibrationTexts)?

  public init(
    _ parameters: Parameters, configuration: [String: String],
    texts: (any CalibrationTexts)? = nil
  ) {
    self.parameters = parameters
    self.configuration = configuration
    self.texts = texts
  }

  /// Other tensors of the same shapes.
  public func with(_ parameters: Parameters) -> ModelState {
    ModelState(parameters, configuration: configuration, texts: texts)
  }
}
