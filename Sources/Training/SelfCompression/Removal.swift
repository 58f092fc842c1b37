internal import Models
public import Tensors
internal import Transformers

/// Which channels of one block can go because nothing they compute reaches the
/// output: those of zero bits, and all that only fed or followed them.
///
/// | zero bits in | goes too | because |
/// | --- | --- | --- |
/// | a row of `mlp.c_fc` | the column of `mlp.c_proj` | GELU(0) = 0 |
/// | a value row of a head | the column of `attn.c_proj` | attention gives 0 there |
/// | a query row of a head | the key row, and the reverse | it adds 0 to every score |
/// | all value rows of a head | the head | it gives 0 |
/// | a row of an output layer | only that row | the residual stream stays |
///
/// With biases nothing goes: a channel of zero bits still gives its bias.
struct BlockRemoval {
  private(set) var shape: BlockShape
  private(set) var outputs: OutputChannels
  var attention = Selection()
  var attentionOutput = Selection()
  var mlp = Selection()
  var mlpOutput = Selection()

  /// nil when nothing can go.
  init?(_ block: TrainableBlock) {
    guard block.layers.allSatisfy({ $0.bias == nil && $0.quantizer != nil }) else { return nil }
    shape = block.shape
    outputs = block.outputs
    planAttention(block)
    planMLP(block)
    let all = [attention, attentionOutput, mlp, mlpOutput]
    let isAll = zip(all, block.layers).allSatisfy { selection, layer in
      (selection.rows?.count ?? layer.rows) == layer.rows
        && (selection.columns?.count ?? layer.columns) == layer.columns
    }
    if isAll { return nil }
  }

  private mutating func planMLP(_ block: TrainableBlock) {
    var hidden = live(block.mlp, 0..<block.mlp.rows)
    var outputs = live(block.mlpOutput, 0..<block.mlpOutput.rows)
    if hidden.isEmpty || outputs.isEmpty { (hidden, outputs) = ([], []) }
    mlp = Selection(rows: hidden)
    mlpOutput = Selection(rows: outputs, columns: hidden)
    shape = BlockShape(heads: shape.heads, hidden: hidden.count)
    self.outputs.mlp = BlockRemoval.channels(outputs, of: block.outputs.mlp)
  }

  private mutating func planAttention(_ block: TrainableBlock) {
    let old = block.shape
    var outputs = live(block.attentionOutput, 0..<block.attentionOutput.rows)
    var heads = old.places.compactMap { Head(block, $0) }
    if heads.isEmpty || outputs.isEmpty { (heads, outputs) = ([], []) }
    let keyWidth = max(heads.map(\.keys.count).max() ?? 0, 1)
    let valueWidth = heads.map(\.values.count).max() ?? 0
    for index in heads.indices { heads[index].pad(keys: keyWidth, values: valueWidth) }
    let queries = heads.flatMap { head in head.keys.map { head.place.firstKey + $0 } }
    let values = heads.flatMap { head in head.values.map { head.place.firstValue + $0 } }
    attention = Selection(
      rows: queries + queries.map { old.keyWidth + $0 } + values.map { old.valueStart + $0 })
    attentionOutput = Selection(rows: outputs, columns: values)
    shape = BlockShape(heads: heads.map(\.shape), hidden: shape.hidden)
    self.outputs.attention = BlockRemoval.channels(outputs, of: block.outputs.attention)
  }

  private func live(_ layer: TrainableLayer, _ rows: Range<Int>) -> [Int] {
    rows.filter { layer.quantizer?.isDead($0) == false }
  }

  /// Channels of the residual stream that the rows which stay write.
  private static func channels(_ rows: [Int], of old: [Int32]?) -> [Int32] {
    rows.map { row in old?[row] ?? Int32(row) }
  }

  /// What stays of one head. Heads that were equally wide stay so, since their products
  /// are computed together: a narrower one keeps some channels of zero bits.
  private struct Head {
    let place: BlockShape.Run
    private(set) var keys: [Int]
    private(set) var values: [Int]

    /// nil when the head gives nothing.
    init?(_ block: TrainableBlock, _ place: BlockShape.Run) {
      guard let quantizer = block.attention.quantizer else { return nil }
      let shape = block.shape
      self.place = place
      keys = (0..<place.head.keys).filter { channel in
        let query = place.firstKey + channel
        return !quantizer.isDead(query) && !quantizer.isDead(shape.keyWidth + query)
      }
      values = (0..<place.head.values).filter { channel in
        !quantizer.isDead(shape.valueStart + place.firstValue + channel)
      }
      if values.isEmpty { return nil }
    }

    var shape: BlockShape.Head { BlockShape.Head(keys: keys.count, values: values.count) }

    /// Widens the head to so many channels, or to all it has.
    mutating func pad(keys keyCount: Int, values valueCount: Int) {
      keys = Head.padded(keys, keyCount, of: place.head.keys)
      values = Head.padded(values, valueCount, of: place.head.values)
    }

    private static func padded(_ live: [Int], _ count: Int, of width: Int) -> [Int] {
      let kept = Set(live)
      let missing = (0..<width).lazy.filter { !kept.contains($0) }.prefix(count - live.count)
      return (live + missing).sorted()
    }
  }
}

extension TrainingNetwork {
  /// Removes for good what has no effect on the outputs any more. The result maps the
  /// numbers of the tensors that changed to what is left of them.
  public func removeDeadChannels() -> [Int: Selection] {
    var selections: [Int: Selection] = [:]
    for (index, block) in blocks.enumerated() {
      guard let removal = BlockRemoval(block) else { continue }
      let pairs = zip(
        block.layers,
        [removal.attention, removal.attentionOutput, removal.mlp, removal.mlpOutput])
      for (layer, selection) in pairs { selections[layer.weight.index] = selection }
      shrink(block: index, to: removal.shape, removal.outputs, selections)
    }
    return selections
  }
}
