internal import Models
public import Tensors
internal import Transformers

/// Which channels of one block can go because nothing they compute reaches the
/// output: those of zero bits, and all that only fed or followed them (`BlockPlan`). A row of
/// an output layer goes alone, since the residual stream stays.
///
/// With biases nothing goes: a channel of zero bits still gives its bias.
struct BlockRemoval {
  let shape: BlockShape
  /// What stays of each layer.
  let selections: [TensorRole: Selection]
  /// Channels of the residual stream that each output layer writes.
  let outputs: [TensorRole: [Int32]]

  /// nil when nothing can go.
  init?(_ layers: [TensorRole: TrainableLayer], block: Int, _ config: ModelConfig) {
    guard layers.values.allSatisfy({ $0.bias == nil && $0.quantizer != nil }) else { return nil }
    let whole = config.shape(of: block)
    let live = LiveChannels(layers, whole)
    var cut = BlockPlan(config, block: block, shape: whole, live).cut
    cut.widenHeads()
    var (selections, outputs) = ([TensorRole: Selection](), [TensorRole: [Int32]]())
    for (role, layer) in layers {
      guard role.writesResidual else {
        selections[role] = Selection(rows: cut.rows(of: role))
        continue
      }
      let isGone = role == .attentionOutput ? cut.heads.isEmpty : cut.hidden.isEmpty
      // A norm behind the layer sees all its outputs.
      let rows = config.norms != .before ? nil : isGone ? [] : live.rows(layer)
      selections[role] = Selection(rows: rows, columns: cut.columns(of: role))
      outputs[role] = rows.map { rows in
        rows.map { layer.outputs?[$0] ?? Int32($0) }
      }
    }
    (shape, self.selections, self.outputs) = (cut.shape, selections, outputs)
    let isAll = layers.allSatisfy { role, layer in
      (selections[role]?.rows?.count ?? layer.rows) == layer.rows
        && (selections[role]?.columns?.count ?? layer.columns) == layer.columns
    }
    if isAll { return nil }
  }
}

extension TensorRole {
  /// Whether a layer's outputs are added to the residual stream.
  var writesResidual: Bool { self == .attentionOutput || self == .down }
}

/// Channels that have bits.
private struct LiveChannels: ChannelFacts {
  private let layers: [TensorRole: TrainableLayer]
  private let shape: BlockShape

  init(_ layers: [TensorRole: TrainableLayer], _ shape: BlockShape) {
    (self.layers, self.shape) = (layers, shape)
  }

  /// Rows of a layer that have bits.
  func rows(_ layer: TrainableLayer) -> [Int] {
    (0..<layer.rows).filter { layer.quantizer?.isDead($0) == false }
  }

  func constant(_ role: TensorRole, _ row: Int) -> Float? {
    hasNoWeights(role, row) ? 0 : nil
  }

  func hasNoWeights(_ role: TensorRole, _ row: Int) -> Bool {
    if let layer = layers[role] { return layer.quantizer?.isDead(row) ?? false }
    let start =
      switch role {
      case .key: shape.queryWidth
      case .value: shape.valueStart
      default: 0
      }
    return layers[.queryKeyValue]?.quantizer?.isDead(start + row) ?? false
  }

  func reads(_ role: TensorRole, _ column: Int) -> Bool {
    layers[role].map { !rows($0).isEmpty } ?? false
  }

  func takesConstants(_ role: TensorRole) -> Bool { false }
}

extension BlockCut {
  /// Heads that were equally wide stay so, since their products are computed together: a
  /// narrower one keeps some channels of zero bits.
  fileprivate mutating func widenHeads() {
    let keys = max(heads.map(\.keys.count).max() ?? 0, 1)
    let values = heads.map(\.values.count).max() ?? 0
    for index in heads.indices {
      let head = whole.heads[heads[index].index]
      heads[index].keys = Self.widened(heads[index].keys, to: keys, of: head.keys)
      heads[index].values = Self.widened(heads[index].values, to: values, of: head.values)
    }
  }

  private static func widened(_ live: [Int], to count: Int, of width: Int) -> [Int] {
    let kept = Set(live)
    let missing = (0..<width).lazy.filter { !kept.contains($0) }.prefix(count - live.count)
    return (live + missing).sorted()
  }
}

extension TrainingNetwork {
  /// Removes for good what has no effect on the outputs any more. The result maps the
  /// numbers of the tensors that changed to what is left of them.
  public func removeDeadChannels() -> [Int: Selection] {
    var selections: [Int: Selection] = [:]
    for block in 0..<configuration.blocks {
      let layers = Dictionary(
        uniqueKeysWithValues: weights.blockLayers(block).map { ($0.id.role, $0.layer) })
      guard let removal = BlockRemoval(layers, block: block, configuration) else { continue }
      for (role, layer) in layers { selections[layer.weight.index] = removal.selections[role] }
      shrink(
        block: block, to: removal.shape, removal.selections, outputs: removal.outputs)
    }
    return selections
  }
}
