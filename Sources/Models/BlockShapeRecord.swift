internal import FoundationEssentials

/// The widths of a sliced model's blocks, as its file has them among the metadata,
/// under `pare.blocks`:
///
///     {"blocks": [{"keys": [20, 3], "mlp": 300, "values": [10, 5]}, …],
///      "head_size": 64}
///
/// Each block lists the heads of keys and values that are left: how many channels their keys
/// have, and their queries, and how many their values; and under `queries`, where that is not 1
/// of all, how many heads of queries read each. `mlp` is the number of hidden channels. A layer
/// without channels is no tensor of the file; its bias is, where it is one of an output
/// layer.
/// `head_size` is a head's width before anything was removed: attention's scores are
/// multiplied by 1/√head_size still.
public struct BlockShapeRecord: Sendable, Codable {
  /// Its key among a model's settings, and in a file's metadata.
  public static let key = "pare.blocks"
  /// More is no record of a model that runs.
  private static let byteLimit = 1 << 22

  struct Block: Sendable, Codable {
    let keys: [Int]
    let values: [Int]
    let queries: [Int]?
    let mlp: Int
  }

  let headSize: Int
  let blocks: [Block]

  private enum CodingKeys: String, CodingKey {
    case headSize = "head_size"
    case blocks
  }

  public init(headSize: Int, _ shapes: [BlockShape]) {
    self.headSize = headSize
    blocks = shapes.map { shape in
      let queries = shape.heads.map(\.queries)
      return Block(
        keys: shape.heads.map(\.keys), values: shape.heads.map(\.values),
        queries: queries.allSatisfy { $0 == 1 } ? nil : queries, mlp: shape.hidden)
    }
  }

  /// The record among a model's settings; nil where there is none. Throws
  /// `ModelError` when it is not of the form above.
  init?(_ settings: [String: String]) throws(ModelError) {
    guard let text = settings[BlockShapeRecord.key] else { return nil }
    guard text.utf8.count <= BlockShapeRecord.byteLimit,
      let record = try? JSONDecoder().decode(BlockShapeRecord.self, from: Data(text.utf8))
    else {
      throw ModelError("its \(BlockShapeRecord.key) does not list widths of blocks")
    }
    self = record
  }

  /// The same as text.
  public func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  /// Heads of a model of that width before anything was removed. Throws
  /// `ModelError` when there is no such number.
  func heads(width: Int) throws(ModelError) -> Int {
    guard headSize > 0, width.isMultiple(of: headSize) else {
      throw ModelError(
        "heads of \(headSize), as its \(BlockShapeRecord.key) says, do not divide its width of "
          + "\(width)")
    }
    return width / headSize
  }

  /// The blocks' shapes. Before slicing the model had `heads` heads of keys and values, each read
  /// by `shared` heads of queries. Throws `ModelError`, also if a block has more than that.
  func shapes(
    blocks count: Int, heads: Int, queries shared: Int = 1
  ) throws(ModelError) -> [BlockShape] {
    guard blocks.count == count else {
      throw ModelError(
        "it has \(count) blocks where its \(BlockShapeRecord.key) lists \(blocks.count)")
    }
    var shapes: [BlockShape] = []
    for (index, block) in blocks.enumerated() {
      let queries = block.queries ?? block.keys.map { _ in 1 }
      guard block.keys.count == block.values.count, queries.count == block.keys.count,
        block.keys.count <= heads, block.keys.allSatisfy({ 0...headSize ~= $0 }),
        block.values.allSatisfy({ 1...headSize ~= $0 }),
        queries.allSatisfy({ 1...max(shared, 1) ~= $0 }), block.mlp >= 0
      else {
        throw ModelError(
          "its \(BlockShapeRecord.key) gives block \(index) widths that are not left of "
            + "\(heads) heads of \(headSize)")
      }
      shapes.append(
        BlockShape(
          heads: block.keys.indices.map {
            BlockShape.Head(keys: block.keys[$0], values: block.values[$0], queries: queries[$0])
          }, hidden: block.mlp))
    }
    return shapes
  }
}
