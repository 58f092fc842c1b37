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

  /// The weights, under their names. The network's own where nothing went.
  public let parameters: Parameters
  /// What the file's metadata must say so that the network can be read, by key: empty
  /// where nothing went from a whole network.
  public let metadata: [String: String]
  public let changes: Changes
  /// The blocks as they are now.
  public let blocks: [BlockShape]

  /// Whether all that there was reaches the outputs.
  public var isUnchanged: Bool {
    [changes.heads, changes.keys, changes.values, changes.hidden].allSatisfy { $0.removed == 0 }
  }

  /// Looks at each block's weights, one block in memory at a time. Throws
  /// `NetworkError.notRunnable`, `.stopped` once `shouldStop` says so, and what reading
  /// throws.
  public init(
    _ parameters: Parameters, configuration: [String: String],
    progress: (Double) -> Void = { _ in }, shouldStop: () -> Bool = { false }
  ) throws {
    let model = try Model(running: parameters, configuration: configuration)
    let config = model.config
    let blocks = 0..<config.blocks
    var cuts: [BlockCut] = []
    var changed: [Parameter] = []
    for block in blocks {
      if shouldStop() { throw NetworkError.stopped }
      let weights = try BlockWeights(model, block: block)
      guard weights.isFinite else {
        cuts.append(BlockCut(of: config.shape(of: block)))
        continue
      }
      let plan = BlockPlan(
        config, block: block, isHeadwise: model.isHeadwise, weights)
      cuts.append(plan.cut)
      changed += try model.parameters(block, plan, weights)
      progress(Double(block + 1) / Double(blocks.count))
    }
    let (before, after) = (blocks.map { config.shape(of: $0) }, cuts.map(\.shape))
    changes = Changes(from: before, to: after)
    self.blocks = after
    if before == after {
      self.parameters = parameters
      metadata = configuration.filter { $0.key == BlockShapeRecord.key }
    } else {
      // Every layer is stored as `[out, in]`, or none.
      let all = changed + model.transposedLayers(except: Set(changed.map(\.name)))
      let empty = Set(all.lazy.filter { $0.shape.dimensions.contains(0) }.map(\.name))
      self.parameters = Parameters(
        parameters.replacing(all).filter { !empty.contains($0.name) })
      let record = BlockShapeRecord(headSize: config.headWidth, after)
      metadata = [BlockShapeRecord.key: try record.json()]
    }
  }
}

extension Model {
  /// Tensors of a block that a plan changes, as they are afterwards.
  fileprivate func parameters(
    _ block: Int, _ plan: BlockPlan, _ weights: BlockWeights
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
    for role in BlockWeights.roles + [.sinks] {
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
      if !kept.isAll { list.append(parameter.keeping(kept)) }
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
  fileprivate func transposedLayers(except changed: Set<String>) -> [Parameter] {
    var names = changed
    return parts.filter { id, part in
      id.block != nil && part.parameter.isTransposed
    }.sorted { $0.value.parameter.name < $1.value.parameter.name }
      .map(\.value.parameter).filter { names.insert($0.name).inserted }
      .map { $0.keeping(Selection()) }
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
