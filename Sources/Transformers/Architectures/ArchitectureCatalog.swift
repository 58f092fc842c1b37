internal import Models
public import Tensors

/// A family of networks we can run.
public protocol Architecture: Sendable {
  /// Its name, `gpt`.
  static var name: String { get }
  static var summary: String { get }

  /// What the network is made of; nil when the parameters are of another
  /// family. Throws `NetworkError.notRunnable` when they are of this one but
  /// something is missing or does not fit.
  static func blueprint(
    of parameters: Parameters, configuration: [String: String]
  ) throws -> Blueprint?

  /// What `network` takes for granted because `settings` do not say it, in one sentence.
  static func assumption(of network: Configuration, settings: [String: String]) -> String?
}

/// Everything we can run.
public enum ArchitectureCatalog {
  public static let all: [any Architecture.Type] = [GPT.self]

  /// The blueprint by the first architecture that recognises the parameters.
  /// Throws `NetworkError.notRunnable`.
  public static func blueprint(
    of parameters: Parameters, configuration: [String: String]
  ) throws -> Blueprint {
    if let absence = parameters.absence {
      throw NetworkError.notRunnable("its file holds no weights: \(absence)")
    }
    for architecture in all {
      if let found = try architecture.blueprint(of: parameters, configuration: configuration) {
        return found
      }
    }
    let type = configuration["model_type"]
    if let type, ModelCatalog.family(of: type) != nil {
      throw NetworkError.badSetting(
        "Its family is \(type): only GPT-2 and nanoGPT networks are trained and sliced.")
    }
    if let type, !["gpt", "gpt2", "nanogpt"].contains(type) {
      throw NetworkError.notRunnable("its family, \(type), is none of those that run")
    }
    let families = all.map { $0.summary }.joined(separator: "; ")
    throw NetworkError.notRunnable("its tensors are not named like those of \(families)")
  }

  /// What runs a network.
  enum Plan {
    case gpt(Blueprint)
    case model(Model)
  }

  /// By the first family that recognises the parameters. Throws `NetworkError.notRunnable`.
  static func plan(
    of parameters: Parameters, configuration: [String: String]
  ) throws -> Plan {
    if parameters.absence == nil {
      do {
        if let type = configuration["model_type"], ModelCatalog.family(of: type) != nil {
          try requireMemory(parameters)
        }
        if let model = try Model(parameters, configuration: configuration) {
          return .model(model)
        }
      } catch let error as NetworkError {
        throw error
      } catch {
        throw NetworkError.notRunnable("\(error)")
      }
    }
    return .gpt(try blueprint(of: parameters, configuration: configuration))
  }

  /// Throws `NetworkError.notRunnable` where the weights, as they are kept to be run, take more
  /// than the machine's memory.
  private static func requireMemory(_ parameters: Parameters) throws {
    var byteCount = 0
    for parameter in parameters {
      let bytes =
        parameter.blocks.flatMap { $0.byteCount(of: parameter.shape) }
        ?? parameter.shape.count * MemoryLayout<Float>.stride
      byteCount += bytes
    }
    guard byteCount <= WorkingMemory.machine else {
      let gigabyte = 1_000_000_000
      throw NetworkError.notRunnable(
        "its weights take \(byteCount / gigabyte) GB, more than this machine's "
          + "\(WorkingMemory.machine / gigabyte) GB")
    }
  }

  /// Why a checkpoint cannot be run, as a sentence; nil when it can.
  public static func obstacle(
    of parameters: Parameters, configuration: [String: String]
  ) -> String? {
    do {
      _ = try plan(of: parameters, configuration: configuration)
      return nil
    } catch {
      return "\(error)"
    }
  }
}

extension ArchitectureCatalog {
  /// What is taken for granted of a network that can be run because no setting says it, in one
  /// sentence; nil where nothing is.
  public static func assumption(
    of parameters: Parameters, configuration: [String: String]
  ) -> String? {
    for architecture in all {
      if let found = try? architecture.blueprint(of: parameters, configuration: configuration) {
        return architecture.assumption(of: found.configuration, settings: configuration)
      }
    }
    return nil
  }
}

/// A network's parameters, each in its place. All shapes are checked.
public struct Blueprint: Sendable {
  /// A linear layer, `[out, in]`, with the bias it may have.
  public struct Layer: Sendable {
    public var weight: Parameter
    public var bias: Parameter?
  }

  /// A layer norm; either part may be absent.
  public struct Norm: Sendable {
    public var weight: Parameter?
    public var bias: Parameter?
  }

  /// One pre-norm transformer block.
  public struct Block: Sendable {
    public var attentionNorm: Norm
    /// Queries, keys and values: `[qkvWidth, width]`.
    public var attention: Layer
    /// `[width, valueWidth]`.
    public var attentionOutput: Layer
    public var mlpNorm: Norm
    /// `[hidden, width]`.
    public var mlp: Layer
    /// `[width, hidden]`.
    public var mlpOutput: Layer
    /// The widths above; those of a whole block where nothing was sliced off.
    public var shape: BlockShape
  }

  public var configuration: Configuration
  /// `[vocabulary, width]`.
  public var tokenEmbedding: Parameter
  /// `[context, width]`, or more rows than are used.
  public var positionEmbedding: Parameter
  public var blocks: [Block]
  public var finalNorm: Norm
  /// The head; the token embedding when they are tied.
  public var head: Parameter
}
