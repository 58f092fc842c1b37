public import Tensors

/// A family of models, described in one file: its settings, and where it differs from Llama.
public protocol Architecture: Sendable {
  /// `model_type` of Hugging Face's folders and `general.architecture` of GGUF files.
  static var types: Set<String> { get }
  /// Its name for people: `Qwen 2`.
  static var title: String { get }
  /// What its settings say. `facts` tell what only the file does. Throws `ModelError`.
  static func config(_ settings: Settings, _ facts: Facts) throws(ModelError) -> ModelConfig
  /// Its names where they are not the usual ones.
  static func names(_ dialect: Dialect) -> NameTable
  /// Whether each head's queries, keys and values stand together where they are one matrix.
  static func isHeadwise(_ dialect: Dialect) -> Bool
  /// What llama.cpp makes of it; nil for families that are not written for it.
  static var gguf: GGUFFamily? { get }
  /// What Hugging Face takes for settings that `config.json` leaves out.
  static var defaults: [String: String] { get }
  /// What is taken for granted because `settings` do not say it, in one sentence; nil for
  /// nothing.
  static func assumption(_ config: ModelConfig, _ settings: Settings) -> String?
}

/// What a file says without settings.
public struct Facts: Sendable {
  public let dialect: Dialect
  public let blocks: Int
  /// Rows and columns of the token embedding.
  public let vocabulary: Int
  public let width: Int
  /// Positions that have a vector of their own.
  public let positions: Int?
  /// Rows of the layer of each role in each block, where it is a matrix of its own.
  let rows: @Sendable (TensorRole, Int) -> Int?
}

extension Architecture {
  public static func names(_ dialect: Dialect) -> NameTable { .usual(dialect) }

  public static func isHeadwise(_ dialect: Dialect) -> Bool { false }

  public static var gguf: GGUFFamily? { nil }
  public static var defaults: [String: String] { [:] }

  public static func assumption(_ config: ModelConfig, _ settings: Settings) -> String? { nil }
}

/// Every family that runs.
public enum ModelCatalog {
  public static let all: [any Architecture.Type] = [
    Llama.self, Qwen2.self, Qwen3.self, Gemma2.self, Gemma3.self, Phi3.self, SmolLM3.self,
    OLMo2.self, Granite.self, GPTNeoX.self, Mixtral.self, Qwen2MoE.self, Qwen3MoE.self,
    OLMoE.self, GPTOSS.self, GPT2.self,
  ]

  public static func family(of type: String) -> (any Architecture.Type)? {
    all.first { $0.types.contains(type) }
  }

  /// The family of parameters, by what their settings call it or else by their names, and what
  /// stands before the names; nil for none.
  static func family(
    of parameters: Parameters, _ settings: Settings
  ) -> (any Architecture.Type, NamePrefix)? {
    let named = settings.text("model_type").flatMap { family(of: $0) }
    for candidate in [named, GPT2.self] {
      if let candidate, let prefix = NamePrefix(parameters, settings, candidate.names) {
        return (candidate, prefix)
      }
    }
    return nil
  }

  /// Whether tensors are named as most families name theirs, so that only their settings can tell
  /// which it is.
  public static func hasUsualNames(_ parameters: Parameters) -> Bool {
    NamePrefix(parameters, Settings([:]), NameTable.usual) != nil
  }

  /// What is taken for granted of a model that runs because no setting says it, in one
  /// sentence; nil where nothing is.
  public static func assumption(
    of parameters: Parameters, configuration: [String: String]
  ) -> String? {
    guard let (family, _) = family(of: parameters, Settings(configuration)),
      let model = try? Model(parameters, configuration: configuration)
    else { return nil }
    return family.assumption(model.config, Settings(configuration))
  }
}
