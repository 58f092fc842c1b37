package import Models

/// What an executor does at once: a step of a block, or several that are one product.
package enum Operation {
  case step(BlockStep)
  /// Queries, keys and values, which are rows of one matrix.
  case attentionInput(Slot)
  /// A linear layer into the gate, and GELU.
  case activated(TensorRole, Slot)
  /// A linear layer whose outputs are added to the residual stream.
  case adding(TensorRole, Slot)

  /// Whether it adds to the residual stream.
  var adds: Bool {
    switch self {
    case .adding, .step(.add): true
    default: false
    }
  }

  /// A block's steps, as few products as they can be. Where what a step reads is to be kept,
  /// products are joined with no other steps.
  package static func list(
    _ config: ModelConfig, _ block: Int, isJoined: Bool, isKept: Bool
  ) -> [Operation] {
    let steps = config.steps(of: block)
    var list: [Operation] = []
    var rest = steps[...]
    while let step = rest.popFirst() {
      switch (step, rest.first) {
      case (.linear(.query, let from, _), _) where isJoined:
        rest = rest.dropFirst(2)
        list.append(.attentionInput(from))
      case (.linear(let role, let from, into: .gate), .activate?)
      where !isKept && !config.isGated && [.gelu, .geluTanh].contains(config.activation):
        rest = rest.dropFirst()
        list.append(.activated(role, from))
      case (.linear(let role, let from, into: .branch), .add?)
      where !isKept && config.residualScale == 1:
        rest = rest.dropFirst()
        list.append(.adding(role, from))
      default: list.append(.step(step))
      }
    }
    return list
  }
}
