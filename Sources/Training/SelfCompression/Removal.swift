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
  private(set) var outputs: OutputChannels
  /// Of attention, its output, the MLP and its output.
  let selections: [Selection]

  /// nil when nothing can go.
  init?(_ block: TrainableBlock, index: Int, _ config: ModelConfig) {
    guard block.layers.allSatisfy({ $0.bias == nil && $0.quantizer != nil }) else { return nil }
    let live = LiveChannels(block)
    var cut = BlockPlan(config, block: index, shape: block.shape, live).cut
    cut.widenHeads()
    let attended = cut.heads.isEmpty ? [] : live.attended
    let added = cut.hidden.isEmpty ? [] : live.added
    outputs = block.outputs
    outputs.attention = BlockRemoval.channels(attended, of: block.outputs.attention)
    outputs.mlp = BlockRemoval.channels(added, of: block.outputs.mlp)
    shape = cut.shape
    selections = [
      Selection(rows: cut.rows(of: .queryKeyValue)),
      Selection(rows: attended, columns: cut.columns(of: .attentionOutput)),
      Selection(rows: cut.rows(of: .up)),
      Selection(rows: added, columns: cut.columns(of: .down)),
    ]
    let isAll = zip(selections, block.layers).allSatisfy { selection, layer in
      (selection.rows?.count ?? layer.rows) == layer.rows
        && (selection.columns?.count ?? layer.columns) == layer.columns
    }
    if isAll { return nil }
  }

  /// Channels of the residual stream that the rows which stay write.
  private static func channels(_ rows: [Int], of old: [Int32]?) -> [Int32] {
    rows.map { row in old?[row] ?? Int32(row) }
  }
}

/// Channels that have bits.
private struct LiveChannels: ChannelFacts {
  private let block: TrainableBlock
  /// Rows of the two output layers that have bits.
  let attended: [Int]
  let added: [Int]

  init(_ block: TrainableBlock) {
    self.block = block
    func rows(_ layer: TrainableLayer) -> [Int] {
      (0..<layer.rows).filter { layer.quantizer?.isDead($0) == false }
    }
    attended = rows(block.attentionOutput)
    added = rows(block.mlpOutput)
  }

  func constant(_ role: TensorRole, _ row: Int) -> Float? {
    hasNoWeights(role, row) ? 0 : nil
  }

  func hasNoWeights(_ role: TensorRole, _ row: Int) -> Bool {
    let shape = block.shape
    let (layer, start) =
      switch role {
      case .query: (block.attention, 0)
      case .key: (block.attention, shape.queryWidth)
      case .value: (block.attention, shape.valueStart)
      default: (block.mlp, 0)
      }
    return layer.quantizer?.isDead(start + row) ?? false
  }

  func reads(_ role: TensorRole, _ column: Int) -> Bool {
    !(role == .down ? added : attended).isEmpty
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
    for (index, block) in blocks.enumerated() {
      guard let removal = BlockRemoval(block, index: index, configuration) else { continue }
      for (layer, selection) in zip(block.layers, removal.selections) {
        selections[layer.weight.index] = selection
      }
      shrink(block: index, to: removal.shape, removal.outputs, selections)
    }
    return selections
  }
}
