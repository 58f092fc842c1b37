package import Tensors

/// Blocks of a format of ggml's, byte for byte as a GGUF file has them: what such a
/// file's tensors stay as long as no pass has changed them, or has pruned so few weights
/// that a mask would take more than it saves.
///
///     NAME.pare.blocks   [bytes] of U8
///     ┌─────────┬─────────┬──
///     │ block 0 │ block 1 │ …     row after row, each a whole number of blocks,
///     └─────────┴─────────┴──     in the orientation of the checkpoint
///
/// `blocks` in the metadata names the format, such as `Q4_K`.
package enum BlocksEncoding: StorageEncoding {
  package static let name = "blocks"
  package static let hasBlocks = true
  static let suffix = "blocks"

  package static func parts(_ facts: TensorFacts) -> [StoredPart]? {
    facts.blocks?.byteCount.map { [StoredPart(suffix: suffix, dtype: .u8, count: $0)] }
  }

  package static func encode(_ source: EncodingSource) -> [Bytes] {
    source.blocks?.edited().map { [Bytes($0.bytes)] } ?? []
  }

  package static func check(_ stored: PackedTensor) throws(CheckpointError) {
    _ = try reader(stored)
  }

  package static func rows(
    of stored: PackedTensor
  ) throws(CheckpointError) -> (any RowReader)? {
    let reader = try reader(stored)
    return BlockRows(
      reader.bytes, reader.format, shape: reader.shape, isTransposed: reader.isTransposed)
  }

  package static func decode(_ stored: PackedTensor) throws(CheckpointError) -> Tensor {
    try reader(stored).tensor(threads: Parallel.defaultThreads, shouldStop: { false })
  }

  package static func blocks(of stored: PackedTensor) throws(CheckpointError) -> [UInt8] {
    try reader(stored).bytes.copy()
  }

  private static func reader(_ stored: PackedTensor) throws(CheckpointError) -> BlockReader {
    let record = stored.record
    guard let format = record.blocks else { throw stored.damaged("its blocks are not named") }
    let shape = record.isTransposed ? record.shape.reversed : record.shape
    guard let byteCount = format.byteCount(of: shape) else {
      throw .rowNotInBlocks(
        tensor: stored.name, columns: shape.dimensions.last ?? 1, format: format.rawValue,
        block: format.weightCount)
    }
    let part = try stored.part(suffix, of: [.u8], count: byteCount)
    return BlockReader(
      bytes: part.bytes, format: format, shape: shape, isTransposed: record.isTransposed)
  }
}
