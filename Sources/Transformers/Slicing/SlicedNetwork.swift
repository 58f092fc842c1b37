public import Models
public import Tensors

/// A network without the channels that change nothing in its outputs: a smaller one of
/// ordinary dense layers.
///
/// Its outputs are the same up to rounding, as sums have fewer terms. A layer of which
/// nothing is left is not there. Blocks with values that are no finite numbers stay as
/// they are, and so does the residual stream.
public struct SlicedNetwork: Sendable {
  /// How many of one kind there were, and are.
  public struct Change: Sendable, Hashable {
    public let before: Int
    public let after: Int
    public var removed: Int { before - after }
  }

  /// Heads and channels of all blocks.
  public struct Changes: Sendable, Hashable {
    public let heads: Change
    /// Channels of queries, of which keys have as many; those of removed heads count.
    public let keys: Change
    /// Channels of values, likewise.
    public let values: Change
    /// Hidden channels of the MLPs.
    public let hidden: Change
  }

  /// What is left: tensors under their names, and settings that tell its widths. The model
  /// itself where nothing went.
  public let model: ModelState
  public let changes: Changes
  /// The blocks as they are now.
  public let blocks: [BlockShape]

  /// Whether all that there was reaches the outputs.
  public var isUnchanged: Bool {
    [changes.heads, changes.keys, changes.values, changes.hidden].allSatisfy { $0.removed == 0 }
  }

  /// How many attentions and MLPs all of whose layers may lose channels.
  public let partCount: Int

  /// Looks at each block's weights, one block in memory at a time. Channels go where `selecting`
  /// takes all layers that have a part in them. What is left is made anew each time it is read
  /// if `lazily`, else kept in memory.
  ///
  /// Throws `NetworkError.notRunnable`, `.stopped` once `shouldStop` says so, and what reading
  /// throws.
  public init(
    _ state: ModelState, selecting: (Parameter) -> Bool = { _ in true }, lazily: Bool = false,
    threads: Int = Parallel.defaultThreads, progress: (Double) -> Void = { _ in },
    shouldStop: @escaping @Sendable () -> Bool = { false }
  ) throws {
    let model = try Model(running: state.parameters, configuration: state.configuration)
    let config = model.config
    let blocks = 0..<config.blocks
    let gathering = Gathering(lazily: lazily, threads: threads, shouldStop: shouldStop)
    var cuts: [BlockCut] = []
    var changed: [Parameter] = []
    var partCount = 0
    for block in blocks {
      if shouldStop() { throw NetworkError.stopped }
      let parts = model.parts(of: block, selecting: selecting)
      partCount += parts.count
      let weights =
        parts.isEmpty
        ? nil : try BlockWeights(model, block: block, threads: threads, shouldStop: shouldStop)
      if let weights, weights.isFinite {
        let plan = BlockPlan(
          config, block: block, isHeadwise: model.isHeadwise, parts: parts, weights)
        cuts.append(plan.cut)
        changed += try model.parameters(block, plan, weights, gathering)
      } else {
        cuts.append(BlockCut(of: config.shape(of: block)))
      }
      progress(Double(block + 1) / Double(blocks.count))
    }
    let (before, after) = (blocks.map { config.shape(of: $0) }, cuts.map(\.shape))
    changes = Changes(from: before, to: after)
    self.blocks = after
    self.partCount = partCount
    if before == after {
      self.model = state
    } else {
      // Every layer is stored as `[out, in]`, or none.
      let others = try model.transposedLayers(except: Set(changed.map(\.name)), gathering)
      let all = changed + others
      let empty = Set(all.lazy.filter { $0.shape.dimensions.contains(0) }.map(\.name))
      var configuration = state.configuration
      if let hidden = config.plainHidden(of: after),
        configuration[ModelConfig.hiddenSetting] != nil
      {
        configuration[ModelConfig.hiddenSetting] = "\(hidden)"
      } else {
        configuration[BlockShapeRecord.key] =
          try BlockShapeRecord(headSize: config.headWidth, after).json()
      }
      self.model = ModelState(
        Parameters(state.parameters.replacing(all).filter { !empty.contains($0.name) }),
        configuration: configuration, texts: state.texts)
    }
  }
}

extension ModelConfig {
  /// The hidden channels of all blocks, where they are all that differs from a plain model: no record
  /// of widths is needed then, and other programs load what is left.
  fileprivate func plainHidden(of shapes: [BlockShape]) -> Int? {
    guard ownShapes == nil, experts == nil, let hidden = shapes.first?.hidden, hidden > 0,
      shapes.enumerated().allSatisfy({
        $1.hidden == hidden && $1.heads == shape(of: $0).heads
      })
    else { return nil }
    return hidden
  }
}

extension Model {
  /// The attention and the MLP of a block, where `selecting` takes all their layers.
  fileprivate func parts(
    of block: Int, selecting: (Parameter) -> Bool
  ) -> Set<BlockPlan.Part> {
    Set(
      BlockPlan.Part.allCases.filter { part in
        let layers = part.roles.compactMap { self[TensorID($0, block: block)]?.parameter }
        return !layers.isEmpty && layers.allSatisfy(selecting)
      })
  }

  /// Tensors of a block that a plan changes, as they are afterwards.
  fileprivate func parameters(
    _ block: Int, _ plan: BlockPlan, _ weights: BlockWeights, _ gathering: Gathering
  ) throws -> [Parameter] {
    var rows: [String: [Int]] = [:]
    var columns: [String: [Int]] = [:]
    var found: [String: Parameter] = [:]
    /// Rows of a tensor that may have those of several layers.
    func keep(_ id: TensorID, _ kept: [Int]?) {
      guard let part = self[id] else { return }
      let name = part.parameter.name
      found[name] = part.parameter
      if let kept {
        rows[name, default: []] += kept.map { part.rows?.source(of: $0) ?? $0 }
      }
    }
    for role in BlockPlan.Part.allCases.flatMap(\.roles) + [.sinks] {
      let id = TensorID(role, block: block)
      keep(id, plan.cut.rows(of: role))
      keep(id.bias, plan.cut.rows(of: role))
      if let name = self[id]?.parameter.name { columns[name] = plan.cut.columns(of: role) }
    }
    var list: [Parameter] = []
    for parameter in found.values.sorted(by: { $0.name < $1.name }) {
      let name = parameter.name
      let kept = Selection(
        rows: rows[name].flatMap { rows in
          rows.count == parameter.shape.dimensions[0] ? nil : rows.sorted()
        },
        columns: columns[name].flatMap { columns in
          columns.count == parameter.shape.columns ? nil : columns
        })
      if !kept.isAll { list.append(try gathering.parameter(parameter, keeping: kept)) }
    }
    for (role, constants) in plan.constants {
      guard let bias = self[TensorID(role, block: block).bias]?.parameter,
        let values = weights.bias(role, with: constants)
      else { continue }
      list.append(bias.replacing(Tensor([values.count], values), grid: nil, mask: nil))
    }
    return list
  }

  /// Matrices of the blocks that a file has as `[in, out]`.
  fileprivate func transposedLayers(
    except changed: Set<String>, _ gathering: Gathering
  ) throws -> [Parameter] {
    var names = changed
    return try parts.filter { id, part in
      id.block != nil && part.parameter.isTransposed
    }.sorted { $0.value.parameter.name < $1.value.parameter.name }
      .map(\.value.parameter).filter { names.insert($0.name).inserted }
      .map { try gathering.parameter($0, keeping: Selection()) }
  }
}

extension SlicedNetwork.Changes {
  fileprivate init(from before: [BlockShape], to after: [BlockShape]) {
    func change(_ count: (BlockShape) -> Int) -> SlicedNetwork.Change {
      SlicedNetwork.Change(
        before: before.reduce(0) { $0 + count($1) }, after: after.reduce(0) { $0 + count($1) })
    }
    heads = change(\.queryHeads)
    keys = change(\.keyWidth)
    values = change(\.valueWidth)
    hidden = change(\.hidden)
  }
}
