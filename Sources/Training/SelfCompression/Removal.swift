internal import Tensors

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
  var shape: BlockShape
  var attention = Selection()
  var attentionOutput = Selection()
  var mlp = Selection()
  var mlpOutput = Selection()

  /// nil when nothing can go.
  init?(_ block: TrainableBlock) {
    guard block.layers.allSatisfy({ $0.bias == nil && $0.quantizer != nil }) else { return nil }
    shape = block.shape
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
    shape.hidden = hidden.count
    shape.mlpOutputs = BlockRemoval.channels(outputs, of: block.shape.mlpOutputs)
  }

  private mutating func planAttention(_ block: TrainableBlock) {
    let old = block.shape
    var outputs = live(block.attentionOutput, 0..<block.attentionOutput.rows)
    var heads = (0..<old.heads).compactMap { Head(block, $0) }
    if heads.isEmpty || outputs.isEmpty { (heads, outputs) = ([], []) }
    let keyWidth = max(heads.map(\.keys.count).max() ?? 0, 1)
    let valueWidth = heads.map(\.values.count).max() ?? 0
    for index in heads.indices {
      heads[index].pad(keys: min(keyWidth, old.keyWidth), of: old.keyWidth)
      heads[index].pad(values: valueWidth, of: old.valueWidth)
    }
    let queries = heads.flatMap { head in head.keys.map { head.index * old.keyWidth + $0 } }
    let values = heads.flatMap { head in head.values.map { head.index * old.valueWidth + $0 } }
    attention = Selection(
      rows: queries + queries.map { old.keys + $0 } + values.map { old.valueStart + $0 })
    attentionOutput = Selection(rows: outputs, columns: values)
    shape.heads = heads.count
    shape.keyWidth = keyWidth
    shape.valueWidth = valueWidth
    shape.attentionOutputs = BlockRemoval.channels(outputs, of: old.attentionOutputs)
  }

  private func live(_ layer: TrainableLayer, _ rows: Range<Int>) -> [Int] {
    rows.filter { layer.quantizer?.isDead($0) == false }
  }

  /// Channels of the residual stream that the rows which stay write.
  private static func channels(_ rows: [Int], of old: [Int32]?) -> [Int32] {
    rows.map { row in old?[row] ?? Int32(row) }
  }

  /// What stays of one head. All heads of a block are equally wide, so a narrower
  /// one keeps some channels of zero bits.
  private struct Head {
    let index: Int
    var keys: [Int]
    var values: [Int]

    /// nil when the head gives nothing.
    init?(_ block: TrainableBlock, _ index: Int) {
      guard let quantizer = block.attention.quantizer else { return nil }
      let shape = block.shape
      self.index = index
      keys = (0..<shape.keyWidth).filter { channel in
        let query = index * shape.keyWidth + channel
        return !quantizer.isDead(query) && !quantizer.isDead(shape.keys + query)
      }
      values = (0..<shape.valueWidth).filter { channel in
        !quantizer.isDead(shape.valueStart + index * shape.valueWidth + channel)
      }
      if values.isEmpty { return nil }
    }

    mutating func pad(keys count: Int, of width: Int) {
      keys = Head.padded(keys, count, of: width)
    }

    mutating func pad(values count: Int, of width: Int) {
      values = Head.padded(values, count, of: width)
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
      shrink(block: index, to: removal.shape, selections)
    }
    return selections
  }
}
