package import Models
package import Tensors

/// The parameters of a network of the form of GPT-2, each in its place.
package struct Blueprint: Sendable {
  /// A linear layer, `[out, in]`, with the bias it may have.
  package struct Layer: Sendable {
    package var weight: Parameter
    package var bias: Parameter?
  }

  /// A layer norm; either part may be absent.
  package struct Norm: Sendable {
    package var weight: Parameter?
    package var bias: Parameter?
  }

  /// One pre-norm transformer block.
  package struct Block: Sendable {
    package var attentionNorm: Norm
    /// Queries, keys and values: `[qkvWidth, width]`.
    package var attention: Layer
    /// `[width, valueWidth]`.
    package var attentionOutput: Layer
    package var mlpNorm: Norm
    /// `[hidden, width]`.
    package var mlp: Layer
    /// `[width, hidden]`.
    package var mlpOutput: Layer
    /// The widths above; those of a whole block where nothing was sliced off.
    package var shape: BlockShape
  }

  package let configuration: ModelConfig
  package let isHeadTied: Bool
  /// `[vocabulary, width]`.
  package let tokenEmbedding: Parameter
  /// `[context, width]`, or more rows than are used.
  package let positionEmbedding: Parameter
  package let blocks: [Block]
  package let finalNorm: Norm
  /// The head; the token embedding when they are tied.
  package let head: Parameter

  /// Throws `NetworkError`.
  package init(_ parameters: Parameters, configuration: [String: String]) throws {
    let model = try Model(running: parameters, configuration: configuration)
    let config = model.config
    guard config.hasPositions, config.normKind == .layer, !config.isGated,
      let tokens = model[TensorID(.tokenEmbedding)]?.parameter,
      let positions = model[TensorID(.positionEmbedding)]?.parameter,
      let head = model[TensorID(.head)]?.parameter
    else {
      throw NetworkError.badSetting(
        "Its family is \(config.family): only GPT-2 and nanoGPT networks are trained.")
    }
    func norm(_ role: TensorRole, _ block: Int? = nil) -> Norm {
      let id = TensorID(role, block: block)
      return Norm(weight: model[id]?.parameter, bias: model[id.bias]?.parameter)
    }
    func layer(_ role: TensorRole, _ block: Int) throws -> Layer {
      let id = TensorID(role, block: block)
      guard let weight = model.part(id) else {
        throw NetworkError.notRunnable("\(role.rawValue) of block \(block) is missing")
      }
      return Layer(weight: weight.parameter, bias: model.part(id.bias)?.parameter)
    }
    self.configuration = config
    isHeadTied = model.isHeadTied
    (tokenEmbedding, positionEmbedding, self.head) = (tokens, positions, head)
    finalNorm = norm(.finalNorm)
    blocks = try (0..<config.blocks).map { block in
      Block(
        attentionNorm: norm(.attentionNorm, block),
        attention: try layer(.queryKeyValue, block),
        attentionOutput: try layer(.attentionOutput, block), mlpNorm: norm(.mlpNorm, block),
        mlp: try layer(.up, block), mlpOutput: try layer(.down, block),
        shape: config.shape(of: block))
    }
  }
}
