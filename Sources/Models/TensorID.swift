/// What a tensor of a model is for.
public enum TensorRole: String, Sendable, Hashable, CaseIterable {
  // Outside the blocks.
  case tokenEmbedding, positionEmbedding, finalNorm, head, ropeDivisors
  case longRopeDivisors, shortRopeDivisors
  // A block, in the order in which it uses them.
  case attentionNorm
  /// Queries, keys and values in one.
  case queryKeyValue
  case query, queryNorm, key, keyNorm, value, sinks, attentionOutput, attentionPostNorm
  case mlpNorm
  case router
  case sharedGate, sharedUp, sharedDown, sharedRouter
  case gate
  /// Gate and up in one.
  case gateUp
  case expertGate, up, expertUp, down, expertDown
  case mlpPostNorm
}

extension TensorRole {
  /// Layers that a file may have as one matrix, in the order of their rows.
  static let fused: [TensorRole: [TensorRole]] = [
    .queryKeyValue: [.query, .key, .value], .gateUp: [.gate, .up],
  ]
}

/// Which tensor of a model it is.
public struct TensorID: Sendable, Hashable {
  /// nil outside the blocks.
  public var block: Int?
  public var role: TensorRole
  public var expert: Int?
  public var isBias: Bool

  public init(_ role: TensorRole, block: Int? = nil, expert: Int? = nil, isBias: Bool = false) {
    (self.block, self.role, self.expert, self.isBias) = (block, role, expert, isBias)
  }

  /// The bias of the same layer.
  public var bias: TensorID { TensorID(role, block: block, expert: expert, isBias: true) }
}

/// Some rows of a matrix, or values of a vector: runs of `count`, each `step` behind the last.
public struct RowRuns: Sendable, Hashable {
  public var first: Int
  public var count: Int
  public var step: Int
  public var runs: Int

  public init(first: Int, count: Int, step: Int = 0, runs: Int = 1) {
    (self.first, self.count, self.step, self.runs) = (first, count, step, runs)
  }

  public var total: Int { count * runs }

  /// The row of the whole that is the one here.
  public func source(of row: Int) -> Int { first + row / count * step + row % count }
}
