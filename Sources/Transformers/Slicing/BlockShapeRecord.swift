internal import FoundationEssentials

/// The widths of a sliced network's blocks, as its file has them among the metadata,
/// under `pare.blocks`:
///
///     {"blocks": [{"keys": [20, 3], "mlp": 300, "values": [10, 5]}, …],
///      "head_size": 64}
///
/// Each block lists the heads that are left: how many channels their queries and keys
/// have, and how many their values. `mlp` is the number of hidden channels. A layer
/// without channels is no tensor of the file; its bias is, where it is one of an output
/// layer.
/// `head_size` is a head's width before anything was removed: attention's scores are
/// multiplied by 1/√head_size still.
struct BlockShapeRecord: Codable {
  /// Its key among a network's settings, and in a file's metadata.
  static let key = "pare.blocks"
  /// More is no record of a network we could run.
  private static let byteLimit = 1 << 22

  struct Block: Codable {
    let keys: [Int]
    let values: [Int]
    let mlp: Int
  }

  let headSize: Int
  let blocks: [Block]

  private enum CodingKeys: String, CodingKey {
    case headSize = "head_size"
    case blocks
  }

  init(headSize: Int, _ shapes: [BlockShape]) {
    self.headSize = headSize
    blocks = shapes.map { shape in
      Block(
        keys: shape.heads.map(\.keys), values: shape.heads.map(\.values), mlp: shape.hidden)
    }
  }

  /// The record among a network's settings; nil where there is none. Throws
  /// `NetworkError.notRunnable` when it is not of the form above.
  init?(_ settings: [String: String]) throws {
    guard let text = settings[BlockShapeRecord.key] else { return nil }
    guard text.utf8.count <= BlockShapeRecord.byteLimit,
      let record = try? JSONDecoder().decode(BlockShapeRecord.self, from: Data(text.utf8))
    else {
      throw NetworkError.notRunnable("its \(BlockShapeRecord.key) does not list widths of blocks")
    }
    self = record
  }

  /// The same as text.
  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  /// Heads of a network of that width before anything was removed. Throws
  /// `NetworkError.notRunnable` when there is no such number.
  func heads(width: Int) throws -> Int {
    guard headSize > 0, width.isMultiple(of: headSize) else {
      throw NetworkError.notRunnable(
        "heads of \(headSize), as its \(BlockShapeRecord.key) says, do not divide its width of "
          + "\(width)")
    }
    return width / headSize
  }

  /// The blocks' shapes, none with more than a whole network has. Throws
  /// `NetworkError.notRunnable`.
  func shapes(blocks count: Int, heads: Int) throws -> [BlockShape] {
    guard blocks.count == count else {
      throw NetworkError.notRunnable(
        "it has \(count) blocks where its \(BlockShapeRecord.key) lists \(blocks.count)")
    }
    return try blocks.enumerated().map { index, block in
      guard block.keys.count == block.values.count, block.keys.count <= heads,
        block.keys.allSatisfy({ 0...headSize ~= $0 }),
        block.values.allSatisfy({ 1...headSize ~= $0 }), block.mlp >= 0
      else {
        throw NetworkError.notRunnable(
          "its \(BlockShapeRecord.key) gives block \(index) widths that are not left of "
            + "\(heads) heads of \(headSize)")
      }
      return BlockShape(
        heads: zip(block.keys, block.values).map { BlockShape.Head(keys: $0, values: $1) },
        hidden: block.mlp)
    }
  }
}
