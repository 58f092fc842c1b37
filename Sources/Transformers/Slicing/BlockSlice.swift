internal import CKernels
internal import Models
internal import Tensors

/// What of one block has to stay for the block to give what it gives.
///
/// | zero | goes | because |
/// | --- | --- | --- |
/// | a row of `mlp.c_fc` | the hidden channel | it is GELU(bias) for every token |
/// | a column of `mlp.c_proj` | the hidden channel | nobody reads it |
/// | a value row of a head | the value channel | attention gives its bias for every token |
/// | a column of `attn.c_proj` | the value channel | nobody reads it |
/// | a query row, its bias too | the query and key channel | it adds 0 to every score |
/// | a key row | the query and key channel | it adds as much to all scores of a query |
/// | all value channels of a head | the head | it gives nothing |
///
/// What a channel gives to every token alike goes into the bias of the layer that
/// reads it; where that layer has none, the channel stays.
struct BlockSlice {
  let block: Blueprint.Block
  private(set) var shape: BlockShape
  private(set) var attention = Selection()
  private(set) var attentionOutput = Selection()
  private(set) var mlp = Selection()
  private(set) var mlpOutput = Selection()
  /// The output layers' biases where they are other than before.
  private(set) var attentionBias: [Float]?
  private(set) var mlpBias: [Float]?

  /// Reads the block's layers. Throws what reading throws.
  init(_ block: Blueprint.Block, _ activation: ModelConfig.Activation) throws {
    self.block = block
    shape = block.shape
    let layers = try [block.attention, block.attentionOutput, block.mlp, block.mlpOutput].map {
      try LayerZeros($0)
    }
    // 0 times what is no finite number is no 0.
    guard layers.allSatisfy(\.isFinite) else { return }
    let heads = planAttention(layers[0], layers[1])
    let hidden = planMLP(layers[2], layers[3], activation)
    shape = BlockShape(heads: heads, hidden: hidden)
  }

  /// Returns the heads that stay.
  private mutating func planAttention(
    _ inner: LayerZeros, _ output: LayerZeros
  ) -> [BlockShape.Head] {
    let old = block.shape
    let start = old.valueStart
    let feed = output.feed(from: start..<start + old.valueWidth, of: inner) { $0 }
    attentionBias = feed.bias
    let isRead = Set(feed.kept)
    var (heads, queries, values): ([BlockShape.Head], [Int], [Int]) = ([], [], [])
    for place in old.places {
      let live = (place.firstValue..<place.firstValue + place.head.values).filter(isRead.contains)
      if live.isEmpty { continue }
      let keys = (place.firstKey..<place.firstKey + place.head.keys).filter { row in
        !inner.isZero(row: row) && !inner.zeroRows[old.keyWidth + row]
      }
      heads.append(BlockShape.Head(keys: keys.count, values: live.count))
      queries += keys
      values += live
    }
    attention = Selection(
      rows: queries + queries.map { old.keyWidth + $0 } + values.map { start + $0 })
    attentionOutput = Selection(columns: values)
    return heads
  }

  /// Returns how many hidden channels stay.
  private mutating func planMLP(
    _ inner: LayerZeros, _ output: LayerZeros, _ activation: ModelConfig.Activation
  ) -> Int {
    let feed = output.feed(from: 0..<block.shape.hidden, of: inner) { bias in
      var value = bias
      unsafe pare_gelu(1, &value, activation == .geluTanh ? 1 : 0)
      return value
    }
    mlpBias = feed.bias
    mlp = Selection(rows: feed.kept)
    mlpOutput = Selection(columns: feed.kept)
    return feed.kept.count
  }

  /// The layers' tensors as they are afterwards.
  var parameters: [Parameter] {
    var list: [Parameter] = []
    func add(_ layer: Blueprint.Layer, _ selection: Selection, bias changed: [Float]? = nil) {
      list.append(layer.weight.keeping(selection))
      guard let bias = layer.bias else { return }
      if let changed {
        let tensor = Tensor([changed.count], changed)
        list.append(bias.replacing(tensor, grid: nil, mask: nil))
      } else {
        list.append(bias.keeping(Selection(rows: selection.rows)))
      }
    }
    add(block.attention, attention)
    add(block.attentionOutput, attentionOutput, bias: attentionBias)
    add(block.mlp, mlp)
    add(block.mlpOutput, mlpOutput, bias: mlpBias)
    return list
  }
}

/// Where a layer's weights are zero.
private struct LayerZeros {
  let weight: Tensor
  let bias: [Float]?
  private(set) var zeroRows: [Bool]
  private(set) var zeroColumns: [Bool]
  private(set) var isFinite: Bool

  init(_ layer: Blueprint.Layer) throws {
    weight = try layer.weight.tensor()
    bias = try layer.bias?.tensor().array
    let (rows, columns) = (weight.shape.rows, weight.shape.columns)
    var zeroRows = [Bool](repeating: true, count: rows)
    var zeroColumns = [Bool](repeating: true, count: columns)
    // The sum of products with 0 is 0 if all are finite, else no number.
    var check = bias?.reduce(Float(0)) { $0 + $1 * 0 } ?? 0
    unsafe weight.withUnsafeValues { values in
      for row in 0..<rows {
        for column in 0..<columns {
          let value = unsafe values[row * columns + column]
          check += value * 0
          if value != 0 {
            zeroRows[row] = false
            zeroColumns[column] = false
          }
        }
      }
    }
    self.zeroRows = zeroRows
    self.zeroColumns = zeroColumns
    isFinite = check == 0
  }

  /// Whether an output is 0 for all inputs.
  func isZero(row: Int) -> Bool { zeroRows[row] && bias?[row] ?? 0 == 0 }

  /// Which of its inputs this layer needs, given that they are some outputs of `inner`,
  /// each through a function; and its bias where that takes in what is constant.
  func feed(
    from outputs: Range<Int>, of inner: LayerZeros, through function: (Float) -> Float
  ) -> (kept: [Int], bias: [Float]?) {
    var kept: [Int] = []
    var sums: [Double]?
    for (column, output) in outputs.enumerated() where !zeroColumns[column] {
      guard inner.zeroRows[output] else {
        kept.append(column)
        continue
      }
      let constant = Double(function(inner.bias?[output] ?? 0))
      if constant == 0 { continue }
      guard let bias else {
        kept.append(column)
        continue
      }
      var folded = sums ?? bias.map(Double.init)
      for row in folded.indices { folded[row] += constant * Double(weight[row, column]) }
      sums = folded
    }
    return (kept, sums.map { $0.map { Float($0) } })
  }
}

extension Parameter {
  /// What a selection leaves: a dense tensor in logical orientation, read when it is
  /// asked for.
  fileprivate func keeping(_ selection: Selection) -> Parameter {
    let (whole, left) = (shape, selection.shape(of: shape))
    return Parameter(
      name: name, shape: left, dtype: dtype, place: place,
      reading: { threads, shouldStop in
        let tensor = try self.tensor(threads: threads, shouldStop: shouldStop)
        return unsafe tensor.withUnsafeValues { values in
          unsafe Tensor(left) { target in
            guard left.count > 0, let source = values.baseAddress, let start = target.baseAddress
            else { return }
            unsafe selection.gather(source, whole, to: start)
          }
        }
      })
  }
}
