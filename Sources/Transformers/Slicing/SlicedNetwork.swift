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
    let blueprint = try Blueprint(parameters, configuration: configuration)
    var slices: [BlockSlice] = []
    for (index, block) in blueprint.blocks.enumerated() {
      if shouldStop() { throw NetworkError.stopped }
      slices.append(try BlockSlice(block, blueprint.configuration.activation))
      progress(Double(index + 1) / Double(blueprint.blocks.count))
    }
    let (before, after) = (blueprint.blocks.map(\.shape), slices.map(\.shape))
    changes = Changes(from: before, to: after)
    blocks = after
    if before == after {
      self.parameters = parameters
      metadata = configuration.filter { $0.key == BlockShapeRecord.key }
    } else {
      // All of them, so that every layer is stored as `[out, in]`.
      let layers = slices.flatMap(\.parameters)
      let empty = Set(layers.lazy.filter { $0.shape.count == 0 }.map(\.name))
      self.parameters = Parameters(
        parameters.replacing(layers).filter { !empty.contains($0.name) })
      let record = BlockShapeRecord(headSize: blueprint.configuration.headWidth, after)
      metadata = [BlockShapeRecord.key: try record.json()]
    }
  }
}

extension SlicedNetwork.Changes {
  fileprivate init(from before: [BlockShape], to after: [BlockShape]) {
    func change(_ count: (BlockShape) -> Int) -> SlicedNetwork.Change {
      SlicedNetwork.Change(
        before: before.reduce(0) { $0 + count($1) }, after: after.reduce(0) { $0 + count($1) })
    }
    heads = change(\.heads.count)
    keys = change(\.keyWidth)
    values = change(\.valueWidth)
    hidden = change(\.hidden)
  }
}
