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
  /// How the rows of a tensor that has several in one are shared out; nil where they are one
  /// part after the other.
  static func parts(
    of role: TensorRole, _ config: ModelConfig, _ dialect: Dialect
  ) -> [TensorRole: RowRuns]?
}

/// What a file says without settings.
public struct Facts: Sendable {
  public let dialect: Dialect
  public let blocks: Int
  /// Rows and columns of the token embedding.
  public let vocabulary: Int
  public let width: Int
  /// Rows of the first block's queries, where they are a matrix of their own.
  public let queryRows: Int?
}

extension Architecture {
  public static func names(_ dialect: Dialect) -> NameTable { .usual(dialect) }

  public static func parts(
    of role: TensorRole, _ config: ModelConfig, _ dialect: Dialect
  ) -> [TensorRole: RowRuns]? { nil }
}

/// Every family that runs.
public enum ModelCatalog {
  public static let all: [any Architecture.Type] = [
    Llama.self, Qwen2.self, Qwen3.self, Gemma2.self, Gemma3.self, Phi3.self, SmolLM3.self,
    OLMo2.self, Granite.self, GPTNeoX.self, Mixtral.self, Qwen2MoE.self, Qwen3MoE.self,
    OLMoE.self, GPTOSS.self,
  ]

  public static func family(of type: String) -> (any Architecture.Type)? {
    all.first { $0.types.contains(type) }
  }
}
