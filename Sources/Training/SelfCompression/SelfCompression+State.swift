internal import Models
internal import Tensors
internal import Transformers

extension SelfCompression {
  /// Before the names of what self-compression remembers.
  public static let prefix = "compression."
  /// Rows of `compression.channels.NAME`: depth and exponent, and Adam's two means of
  /// each.
  private static let kinds = 6

  /// What is remembered: for each matrix NAME of a block what is left of its rows and
  /// columns, under `compression.rows.NAME` and `compression.columns.NAME`, and
  /// `compression.channels.NAME`, `[6, rows]`.
  func state() -> [Parameter] {
    var list: [Parameter] = []
    func add(_ name: String, _ shape: Shape, _ values: [Float]) {
      let tensor = Tensor(shape, values)
      let name = SelfCompression.prefix + name
      list.append(
        Parameter(
          name: name, shape: shape, dtype: .f32,
          place: Place(block: nil, layer: name, role: .optimizer), load: { tensor }))
    }
    for layer in network.blockLayers {
      guard let quantizer = layer.quantizer else { continue }
      let weight = layer.weight
      let whole = weight.wholeShape
      let rows = weight.selection.rows ?? Array(0..<whole.rows)
      let columns = weight.selection.columns ?? Array(0..<whole.columns)
      add("rows." + weight.name, [rows.count], rows.map(Float.init))
      add("columns." + weight.name, [columns.count], columns.map(Float.init))
      let (depths, exponents) = (quantizer.depths, quantizer.exponents)
      add(
        "channels." + weight.name, [SelfCompression.kinds, rows.count],
        depths.values + depths.first + depths.second + exponents.values + exponents.first
          + exponents.second)
    }
    return list
  }

  /// Goes on from what `state` gave. The network must have all its channels. Throws
  /// `TrainingStateError` and what reading throws.
  func restore(_ state: Parameters, _ progress: TrainingProgress) throws {
    for (index, block) in network.blocks.enumerated() {
      try restore(index, block, state)
    }
    self.progress = progress.compression ?? self.progress
  }

  private func restore(_ index: Int, _ block: TrainableBlock, _ state: Parameters) throws {
    var selections: [Int: Selection] = [:]
    for layer in block.layers {
      let (name, whole) = (layer.weight.name, layer.weight.wholeShape)
      let selection = Selection(
        rows: try numbers("rows." + name, state, below: whole.rows),
        columns: try numbers("columns." + name, state, below: whole.columns))
      selections[layer.weight.index] = selection
    }
    func rows(_ layer: TrainableLayer) -> [Int] { selections[layer.weight.index]?.rows ?? [] }
    func columns(_ layer: TrainableLayer) -> [Int] {
      selections[layer.weight.index]?.columns ?? []
    }
    func outputs(_ layer: TrainableLayer) -> [Int32]? {
      let rows = rows(layer)
      return rows.count == layer.weight.wholeShape.rows ? nil : rows.map(Int32.init)
    }
    let shape = block.shape.keeping(rows(block.attention), hidden: rows(block.mlp).count)
    guard rows(block.attention).count == shape.qkvWidth,
      columns(block.attentionOutput).count == shape.valueWidth,
      columns(block.mlpOutput).count == shape.hidden
    else { throw missing("rows." + block.attention.weight.name) }
    network.shrink(
      block: index, to: shape,
      OutputChannels(attention: outputs(block.attentionOutput), mlp: outputs(block.mlpOutput)),
      selections)
    for layer in network.blocks[index].layers { try restoreChannels(layer, state) }
  }

  private func restoreChannels(_ layer: TrainableLayer, _ state: Parameters) throws {
    let name = SelfCompression.prefix + "channels." + layer.weight.name
    guard let quantizer = layer.quantizer, let found = state[name] else {
      throw TrainingStateError.missing(name)
    }
    let (count, kinds) = (layer.rows, SelfCompression.kinds)
    guard found.shape.count == kinds * count else {
      throw TrainingStateError.shape(name, found: found.shape, needed: [kinds, count])
    }
    let values = try found.tensor().array
    func part(_ index: Int) -> [Float] { Array(values[index * count..<(index + 1) * count]) }
    (quantizer.depths.values, quantizer.depths.first, quantizer.depths.second) =
      (part(0), part(1), part(2))
    (quantizer.exponents.values, quantizer.exponents.first, quantizer.exponents.second) =
      (part(3), part(4), part(5))
  }

  private func missing(_ name: String) -> TrainingStateError {
    .missing(SelfCompression.prefix + name)
  }

  /// A list of ascending whole numbers below `limit`, or of any below it.
  private func numbers(_ name: String, _ state: Parameters, below limit: Int) throws -> [Int] {
    guard let found = state[SelfCompression.prefix + name] else { throw missing(name) }
    return try found.tensor().array.map { value in
      guard let number = Int(exactly: value), number >= 0, number < limit else {
        throw missing(name)
      }
      return number
    }
  }
}

extension BlockShape {
  /// What is left where of the attention layer these rows are; a head without values is
  /// gone.
  fileprivate func keeping(_ rows: [Int], hidden: Int) -> BlockShape {
    let kept = Set(rows)
    func count(_ width: Int, from first: Int) -> Int {
      (first..<first + width).count { kept.contains($0) }
    }
    let heads = places.map { place in
      Head(
        keys: count(place.head.keys, from: place.firstKey),
        values: count(place.head.values, from: valueStart + place.firstValue))
    }
    return BlockShape(heads: heads.filter { $0.values > 0 }, hidden: hidden)
  }
}
