public import CheckpointIO
public import Tensors
internal import Terminal

/// The model as the explorer walks it: rows of layers, one row a block, with
/// the tensors outside the blocks as rows of their own.
public struct ModelMap: Sendable, Hashable {
  /// One weight matrix.
  public struct Layer: Sendable, Hashable {
    /// The parameter's name in the checkpoint.
    public let name: String
    /// `block.2.mlp.c_fc`, or the name outside the blocks.
    public let path: String
    /// `mlp.c_fc`: the column it stands in.
    public let kind: String
    /// Position of its kind among the columns; 0 outside the blocks.
    public let column: Int
    public let shape: Shape
    public let dtype: DType
    /// Whether passes work on it unless told otherwise.
    public let isLinear: Bool
  }

  /// A block, or a tensor outside the blocks.
  public struct Row: Sendable, Hashable {
    /// `0`, `1`, … or `wte`.
    public let label: String
    public let block: Int?
    /// The layers there are, by column: a block may have few of the columns.
    public let layers: [Layer]
    /// Weights of 1-D tensors and others that the row stands for.
    public let otherWeights: Int

    /// The block's layer in a column, if it has one. O(log layers).
    public func layer(inColumn column: Int) -> Layer? {
      var (low, high) = (0, layers.count)
      while low < high {
        let middle = (low + high) / 2
        if layers[middle].column < column { low = middle + 1 } else { high = middle }
      }
      return low < layers.count && layers[low].column == column ? layers[low] : nil
    }
  }

  /// The checkpoint's file name.
  public let title: String
  public let format: String
  public let fileByteCount: Int
  public let weightCount: Int
  public let blockCount: Int
  /// Headings of the columns: layer kinds in model order.
  public let kinds: [String]
  public let rows: [Row]
  /// All layers, row by row.
  public let layers: [Layer]
  /// Columns that the longest row label takes.
  let labelWidth: Int
  /// Layers that passes work on unless told otherwise.
  let linearCount: Int
  /// Names of the layers outside the blocks.
  let outsideNames: [String]
  private let positions: [String: Int]
  /// What was odd about the file, a sentence each.
  public let warnings: [String]

  /// Reads names and shapes only.
  public init(_ checkpoint: Checkpoint) {
    let parameters = checkpoint.parameters
    title = checkpoint.name
    format = checkpoint.format
    fileByteCount = checkpoint.fileByteCount
    warnings = checkpoint.warnings
    let weights = parameters.filter {
      $0.place.role != .buffer && $0.place.role != .optimizer && $0.dtype.isFloatingPoint
    }
    weightCount = weights.reduce(0) { $0 + $1.shape.count }
    let (kinds, blocks, before, after) = Self.grouped(weights)
    self.kinds = kinds
    blockCount = blocks.count
    rows =
      before.map(Self.outsideRow) + blocks + after.map(Self.outsideRow)
    layers = rows.flatMap(\.layers)
    linearCount = layers.count(where: \.isLinear)
    outsideNames = rows.filter { $0.block == nil }.flatMap { $0.layers.map(\.name) }
    labelWidth = rows.map { $0.label.columns }.max() ?? 0
    positions = Dictionary(
      layers.enumerated().map { ($0.element.name, $0.offset) },
      uniquingKeysWith: { first, _ in first })
  }

  /// Columns, block rows, and what stands before and after the blocks.
  private static func grouped(
    _ weights: [Parameter]
  ) -> (kinds: [String], blocks: [Row], before: [Parameter], after: [Parameter]) {
    var kinds = fullestBlock(weights)
    var column = Dictionary(uniqueKeysWithValues: kinds.enumerated().map { ($1, $0) })
    var byBlock: [Int: [Int: Layer]] = [:]
    var others: [Int: Int] = [:]
    var before: [Parameter] = []
    var after: [Parameter] = []
    for parameter in weights {
      guard let block = parameter.place.block else {
        if parameter.shape.dimensions.count >= 2 {
          if byBlock.isEmpty { before.append(parameter) } else { after.append(parameter) }
        }
        continue
      }
      byBlock[block, default: [:]] = byBlock[block] ?? [:]
      guard parameter.place.role == .linear else {
        others[block, default: 0] += parameter.shape.count
        continue
      }
      let kind = parameter.place.layer
      let position = column[kind] ?? kinds.count
      if position == kinds.count {
        column[kind] = position
        kinds.append(kind)
      }
      byBlock[block, default: [:]][position] = Layer(parameter, column: position)
    }
    let blocks = byBlock.keys.sorted().map { block in
      Row(
        label: String(block), block: block,
        layers: (byBlock[block] ?? [:]).values.sorted { $0.column < $1.column },
        otherWeights: others[block] ?? 0)
    }
    return (kinds, blocks, before, after)
  }

  /// Kinds of the linear layers of the first block that has most of them, in model
  /// order: others may lack some, as sliced ones do.
  private static func fullestBlock(_ weights: [Parameter]) -> [String] {
    let layers = weights.filter { $0.place.role == .linear }
    var counts: [Int: Int] = [:]
    for layer in layers { if let block = layer.place.block { counts[block, default: 0] += 1 } }
    let fullest = counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
    var known: Set<String> = []
    return layers.filter { $0.place.block == fullest && fullest != nil }.map(\.place.layer)
      .filter { known.insert($0).inserted }
  }

  private static func outsideRow(_ parameter: Parameter) -> Row {
    var words = parameter.place.layer.split(separator: ".")
    if words.count > 1, words.last == "weight" { words.removeLast() }
    return Row(
      label: words.last.map(String.init) ?? parameter.name, block: nil,
      layers: [Layer(parameter, column: 0)], otherWeights: 0)
  }

  /// The layer of that name.
  public func layer(named name: String) -> Layer? { positions[name].map { layers[$0] } }

  /// Layers that differ by name.
  var nameCount: Int { positions.count }

  /// Paths that begin with a text, in the model's order, `limit` at most.
  func paths(beginningWith start: String, limit: Int) -> [String] {
    layers.lazy.map(\.path).filter { $0.utf8.starts(with: start.utf8) }.prefix(limit).map { $0 }
  }

  /// Position of a layer among all.
  func position(of name: String) -> Int? { positions[name] }
}

extension ModelMap.Layer {
  init(_ parameter: Parameter, column: Int) {
    self.init(
      name: parameter.name, path: parameter.place.path, kind: parameter.place.layer,
      column: column, shape: parameter.shape, dtype: parameter.dtype,
      isLinear: parameter.place.role == .linear)
  }
}
