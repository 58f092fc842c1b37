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
    /// `mlp.c_fc`, `mlp.experts.*.w1`: the column it stands in.
    public let kind: String
    /// Which expert of its block it belongs to.
    public let expert: Int?
    /// Position of its kind among the columns; 0 outside the blocks.
    public let column: Int
    public let shape: Shape
    public let dtype: DType
    /// Whether passes work on it unless told otherwise.
    public let isLinear: Bool
    /// Whether its rows score the experts.
    public let isRouter: Bool
  }

  /// A block, one of its experts, or a tensor outside the blocks.
  public struct Row: Sendable, Hashable {
    /// `0`, `1`, … or `wte`.
    public let label: String
    public let block: Int?
    /// Which expert of the block the row stands for; nil for the whole of it.
    public let expert: Int?
    /// The layers there are, by column and expert: a block may have few of the
    /// columns, and in one of experts a layer for each.
    public let layers: [Layer]
    /// Experts that a block's row stands for.
    public let expertCount: Int
    /// What scores the experts of the block, a row for each.
    let router: Layer?
    /// Weights of 1-D tensors and others that the row stands for.
    public let otherWeights: Int

    /// The layer in a column, if there is one and no other. O(log layers).
    public func layer(inColumn column: Int) -> Layer? {
      let layers = layers(inColumn: column)
      return layers.count == 1 ? layers.first : nil
    }

    /// The layers in a column, one an expert. O(log layers).
    func layers(inColumn column: Int) -> ArraySlice<Layer> {
      layers[firstLayer(from: column)..<firstLayer(from: column + 1)]
    }

    private func firstLayer(from column: Int) -> Int {
      var (low, high) = (0, layers.count)
      while low < high {
        let middle = (low + high) / 2
        if layers[middle].column < column { low = middle + 1 } else { high = middle }
      }
      return low
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
  /// Names of the layers outside the blocks, and of routers.
  let otherNames: [String]
  /// Whether a row unfolds.
  let hasExperts: Bool
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
    otherNames = layers.filter { !$0.isLinear }.map(\.name)
    hasExperts = rows.contains { $0.expertCount > 0 }
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
    var byBlock: [Int: [Cell: Layer]] = [:]
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
      guard parameter.isInColumn else {
        if byBlock[block] == nil { byBlock[block] = [:] }
        others[block, default: 0] += parameter.shape.count
        continue
      }
      let kind = parameter.place.kind
      let position = column[kind] ?? kinds.count
      if position == kinds.count {
        column[kind] = position
        kinds.append(kind)
      }
      let layer = Layer(parameter, column: position)
      byBlock[block, default: [:]][Cell(layer)] = layer
    }
    let numbers = byBlock.keys.sorted()
    let width = String(numbers.last ?? 0).count
    let blocks = numbers.map { block in
      Row(
        block: block, digits: width, layers: Array((byBlock[block] ?? [:]).values),
        otherWeights: others[block] ?? 0)
    }
    return (kinds, blocks, before, after)
  }

  /// Where one layer of a block stands.
  private struct Cell: Hashable {
    let column: Int
    let expert: Int?

    init(_ layer: Layer) { (column, expert) = (layer.column, layer.expert) }
  }

  /// Kinds of the linear layers of the first block that has most of them, in model
  /// order, the router before its experts: others may lack some, as sliced ones do.
  private static func fullestBlock(_ weights: [Parameter]) -> [String] {
    let layers = weights.filter(\.isInColumn)
    var counts: [Int: Int] = [:]
    for layer in layers { if let block = layer.place.block { counts[block, default: 0] += 1 } }
    let fullest = counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
    var known: Set<String> = []
    let own = layers.filter { $0.place.block == fullest && fullest != nil }
    let isExpert = { (layer: Parameter) in layer.place.expert != nil }
    let start = own.prefix { !isExpert($0) }
    let rest = own.dropFirst(start.count)
    let inOrder =
      start.filter { $0.place.role != .router } + own.filter { $0.place.role == .router }
      + rest.filter { $0.place.role != .router }
    return inOrder.map(\.place.kind).filter { known.insert($0).inserted }
  }

  private static func outsideRow(_ parameter: Parameter) -> Row {
    var words = parameter.place.layer.split(separator: ".")
    if words.count > 1, words.last == "weight" { words.removeLast() }
    return Row(
      label: words.last.map(String.init) ?? parameter.name, block: nil, expert: nil,
      layers: [Layer(parameter, column: 0)], expertCount: 0, router: nil, otherWeights: 0)
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
      name: parameter.name, path: parameter.place.path, kind: parameter.place.kind,
      expert: parameter.place.expert, column: column, shape: parameter.shape,
      dtype: parameter.dtype, isLinear: parameter.place.role == .linear,
      isRouter: parameter.place.role == .router)
  }
}

extension Parameter {
  /// Whether it stands in a column of the Blocks view.
  fileprivate var isInColumn: Bool { place.role == .linear || place.role == .router }
}
