public import CheckpointIO
public import Tensors
internal import Terminal

/// The model as the explorer walks it: rows of layers, one row a block, with
/// the tensors outside the blocks as rows of their own.
public struct ModelMap: Sendable {
  /// One weight matrix.
  public struct Layer: Sendable, Hashable {
    /// The parameter's name in the checkpoint.
    public let name: String
    /// Where it stands in the model.
    let place: Place
    /// Which expert of its block it belongs to.
    public let expert: Int?
    /// Position of its kind among the columns; 0 outside the blocks.
    public let column: Int
    public let shape: Shape
    public let dtype: DType

    /// `block.2.mlp.c_fc`, or the name outside the blocks.
    public var path: String { place.path }
    /// `mlp.c_fc`, `mlp.experts.*.w1`: the column it stands in.
    public var kind: String { place.kind }
    /// Whether passes work on it unless told otherwise.
    public var isLinear: Bool { place.role == .linear }
    /// Whether its rows score the experts.
    public var isRouter: Bool { place.role == .router }
    /// Whether its numbers are codes of a layout that is not read.
    var isCodes: Bool { place.role == .codes }
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
  /// Where it is; nil for the one inside the program.
  let path: String?
  public let format: String
  public let fileByteCount: Int
  public let weightCount: Int
  public let blockCount: Int
  /// Headings of the columns: layer kinds in model order.
  public let kinds: [String]
  public let rows: [Row]
  /// All layers, row by row. The first look is O(n).
  public var layers: [Layer] { all.value.layers }
  /// Columns that the longest row label takes.
  let labelWidth: Int
  /// Layers that passes work on unless told otherwise.
  let linearCount: Int
  /// Layers of blocks that passes leave alone, such as those of a vision tower.
  let auxiliaryCount: Int
  /// Names of the layers outside the blocks, and of those in them that passes leave alone.
  let otherNames: [String]
  /// Whether a row unfolds.
  let hasExperts: Bool
  private let all: Lazy<AllLayers>
  /// What was odd about the file, a sentence each.
  public let warnings: [String]

  /// Reads names and shapes only.
  public init(_ checkpoint: Checkpoint) {
    path = checkpoint.path
    title = checkpoint.name
    format = checkpoint.format
    fileByteCount = checkpoint.fileByteCount
    warnings = checkpoint.warnings
    let groups = ModelGroups(checkpoint.parameters)
    weightCount = groups.weightCount
    kinds = groups.kinds
    let blocks = groups.blockRows()
    blockCount = blocks.count
    let rows = groups.before.map(Self.outsideRow) + blocks + groups.after.map(Self.outsideRow)
    self.rows = rows
    var linearCount = 0
    var otherNames: [String] = []
    for row in rows {
      for layer in row.layers {
        if layer.isLinear { linearCount += 1 } else { otherNames.append(layer.name) }
      }
    }
    self.linearCount = linearCount
    auxiliaryCount = rows.reduce(0) { $0 + $1.layers.count { $0.place.role == .auxiliary } }
    self.otherNames = otherNames
    hasExperts = rows.contains { $0.expertCount > 0 }
    labelWidth = rows.reduce(0) { max($0, $1.label.columns) }
    all = Lazy { AllLayers(rows) }
  }

  private static func outsideRow(_ parameter: Parameter) -> Row {
    var words = parameter.place.layer.split(separator: ".")
    if words.count > 1, words.last == "weight" { words.removeLast() }
    return Row(
      label: words.last.map(String.init) ?? parameter.name, block: nil, expert: nil,
      layers: [Layer(parameter, expert: parameter.place.expert, column: 0)], expertCount: 0,
      router: nil, otherWeights: 0)
  }

  /// The layer of that name.
  public func layer(named name: String) -> Layer? {
    position(of: name).map { all.value.layers[$0] }
  }

  /// The first layer that passes work on, or else the first.
  var firstLayer: Layer? {
    rows.lazy.compactMap { $0.layers.first { $0.isLinear } }.first
      ?? rows.lazy.compactMap(\.layers.first).first
  }

  /// Layers that differ by name.
  var nameCount: Int { all.value.positions.count }

  /// Paths that begin with a text, in the model's order, `limit` at most.
  func paths(beginningWith start: String, limit: Int) -> [String] {
    layers.lazy.map(\.path).filter { $0.utf8.starts(with: start.utf8) }.prefix(limit).map { $0 }
  }

  /// Position of a layer among all.
  func position(of name: String) -> Int? { all.value.positions[name] }

  /// The layers of all rows and where each is, which the first frame does not need.
  private struct AllLayers: Sendable {
    let layers: [Layer]
    let positions: [String: Int]

    init(_ rows: [Row]) {
      let layers = rows.flatMap(\.layers)
      var positions = [String: Int](minimumCapacity: layers.count)
      for (position, layer) in layers.enumerated() where positions[layer.name] == nil {
        positions[layer.name] = position
      }
      self.layers = layers
      self.positions = positions
    }
  }
}

extension ModelMap.Layer {
  init(_ parameter: Parameter, expert: Int?, column: Int) {
    self.init(
      name: parameter.name, place: parameter.place, expert: expert, column: column,
      shape: parameter.shape, dtype: parameter.dtype)
  }
}
