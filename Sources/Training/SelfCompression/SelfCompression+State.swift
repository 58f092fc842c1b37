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
      add("rows." + weight.key, [rows.count], rows.map(Float.init))
      add("columns." + weight.key, [columns.count], columns.map(Float.init))
      let (depths, exponents) = (quantizer.depths, quantizer.exponents)
      add(
        "channels." + weight.key, [SelfCompression.kinds, rows.count],
        depths.values + depths.first + depths.second + exponents.values + exponents.first
          + exponents.second)
    }
    return list
  }

  /// Goes on from what `state` gave. The network must have all its channels. Throws
  /// `TrainingStateError` and what reading throws.
  func restore(_ state: Parameters, _ progress: TrainingProgress) throws {
    for block in 0..<network.configuration.blocks { try restore(block, state) }
    self.progress = progress.compression ?? self.progress
  }

  private func restore(_ block: Int, _ state: Parameters) throws {
    let layers = network.weights.blockLayers(block)
    var selections: [TensorRole: Selection] = [:]
    var outputs: [TensorRole: [Int32]] = [:]
    for (id, layer) in layers {
      let (key, whole) = (layer.weight.key, layer.weight.wholeShape)
      let rows = try numbers("rows." + key, state, below: whole.rows)
      selections[id.role] = Selection(
        rows: rows, columns: try numbers("columns." + key, state, below: whole.columns))
      if id.role.writesResidual, rows.count < whole.rows {
        outputs[id.role] = rows.map(Int32.init)
      }
    }
    let whole = network.configuration.shape(of: block)
    let shape = whole.keeping(
      selections, hidden: selections[.up]?.rows?.count ?? whole.hidden)
    let isFitting = layers.allSatisfy { id, _ in
      shape.fits(id.role, selections[id.role] ?? Selection())
    }
    guard isFitting else { throw missing("rows." + (layers.first?.layer.weight.key ?? "")) }
    network.shrink(block: block, to: shape, selections, outputs: outputs)
    for (_, layer) in network.weights.blockLayers(block) { try restoreChannels(layer, state) }
  }

  private func restoreChannels(_ layer: TrainableLayer, _ state: Parameters) throws {
    let name = SelfCompression.prefix + "channels." + layer.weight.key
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
  /// What is left where of queries, keys and values these rows are; a head without values is gone.
  fileprivate func keeping(_ selections: [TensorRole: Selection], hidden: Int) -> BlockShape {
    let joined = selections[.queryKeyValue].map { Set($0.rows ?? []) }
    func kept(_ role: TensorRole) -> Set<Int> { Set(selections[role]?.rows ?? []) }
    let (queries, keys, values) = (kept(.query), kept(.key), kept(.value))
    func count(_ rows: Set<Int>, _ first: Int, _ width: Int, joinedAt start: Int) -> Int {
      (first..<first + width).count { joined?.contains(start + $0) ?? rows.contains($0) }
    }
    var heads: [Head] = []
    var next = 0
    for head in self.heads {
      let places = places[next..<next + head.queries]
      next += head.queries
      let first = places[places.startIndex]
      let left = Head(
        keys: count(keys, first.firstKey, head.keys, joinedAt: queryWidth),
        values: count(values, first.firstValue, head.values, joinedAt: valueStart),
        queries: places.count {
          count(queries, $0.firstQuery, head.keys, joinedAt: 0) > 0 || head.keys == 0
        })
      if left.values > 0 { heads.append(left) }
    }
    return BlockShape(heads: heads, hidden: hidden)
  }

  /// Whether what stays of a layer is as wide as the block.
  fileprivate func fits(_ role: TensorRole, _ selection: Selection) -> Bool {
    let (rows, columns) = (selection.rows?.count, selection.columns?.count)
    return switch role {
    case .queryKeyValue: rows == qkvWidth
    case .query: rows == queryWidth
    case .key: rows == keyWidth
    case .value: rows == valueWidth
    case .gate, .up: rows == hidden
    case .attentionOutput: columns == mixedWidth
    case .down: columns == hidden
    default: true
    }
  }
}
