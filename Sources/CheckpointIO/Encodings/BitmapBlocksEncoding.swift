package import Tensors

/// Blocks of a format of ggml's with weights pruned: a bit for each weight, and of the
/// blocks what belongs to kept weights, as they were.
///
///     NAME.pare.bitmap   [⌈n / 8⌉] of U8           as in `BitmapEncoding`
///     NAME.pare.side     [bytes] of U8             of each block with a kept weight what
///     ┌──────────────────┬──────────────────┬──    is no code: scales, minima
///     │ scales, block 0  │ scales, block 3  │ …
///     └──────────────────┴──────────────────┴──
///     NAME.pare.codes    [⌈kept × k / 8⌉] of U8    code j, the bits that the j-th kept
///                                                  weight has in its block
///
/// A weight that is not kept is +0. Formats whose weights share bits have no codes: `side`
/// is the whole of each block with a kept weight. `blocks` in the metadata names the
/// format.
package enum BitmapBlocksEncoding: StorageEncoding {
  package static let name = "bitmap+blocks"
  package static let hasBlocks = true

  package static func parts(_ facts: TensorFacts) -> [StoredPart]? {
    guard let blocks = facts.blocks, facts.keptCount < facts.count else { return nil }
    let parts = [
      StoredPart(suffix: "bitmap", dtype: .u8, count: Bitmap.byteCount(facts.count)),
      StoredPart(suffix: "side", dtype: .u8, count: blocks.sideByteCount),
    ]
    guard let bits = blocks.codeBits else { return parts }
    let codes = BitPacking.byteCount(facts.keptCount, bits: bits)
    return parts + [StoredPart(suffix: "codes", dtype: .u8, count: codes)]
  }

  package static func encode(_ source: EncodingSource) -> [Bytes] {
    guard let blocks = source.blocks else { return [] }
    let arrays = [Bitmap.bytes(source.kept), Bytes(blocks.side)]
    guard let coding = blocks.coding else { return arrays }
    let codes = Bitmap.gather(
      coding.codes(of: blocks.stored), source.kept, count: source.keptCount)
    return arrays + [BitPacking.pack(codes, bits: coding.bits)]
  }

  package static func check(_ stored: PackedTensor) throws(CheckpointError) {
    let (format, byteCount) = try blocks(stored)
    let shape = stored.record.shape
    _ = try stored.part("bitmap", of: [.u8], count: Bitmap.byteCount(shape.count))
    let side = try stored.part("side")
    guard side.dtype == .u8, side.count <= byteCount else {
      throw stored.damaged("it has more blocks than weights")
    }
    guard let coding = BlockCoding.of(format) else { return }
    let codes = try stored.part("codes")
    guard codes.dtype == .u8, codes.count <= BitPacking.byteCount(shape.count, bits: coding.bits)
    else { throw stored.damaged("it has more codes than weights") }
  }

  package static func rows(
    of stored: PackedTensor
  ) throws(CheckpointError) -> (any RowReader)? {
    try BitmapBlockRows(stored, blocks(stored).format)
  }

  package static func decode(_ stored: PackedTensor) throws(CheckpointError) -> Tensor {
    let mask = try Bitmap.mask(stored)
    let (format, _) = try blocks(stored)
    let blocks = try blocks(of: stored, format, mask)
    let whole = unsafe blocks.withUnsafeBytes {
      unsafe Tensor(mask.shape, dequantizing: $0, from: format)
    }
    guard let whole, let tensor = mask.applying(to: whole) else { throw .stopped }
    return tensor
  }

  /// The blocks again; the codes of weights that are not kept stand for 0 where the format
  /// has such a code.
  package static func blocks(of stored: PackedTensor) throws(CheckpointError) -> [UInt8] {
    try blocks(of: stored, blocks(stored).format, Bitmap.mask(stored))
  }

  private static func blocks(
    of stored: PackedTensor, _ format: BlockFormat, _ mask: Mask
  ) throws(CheckpointError) -> [UInt8] {
    let coding = BlockCoding.of(format)
    let ranges = PrunedBlocks.side(format, coding)
    let live = PrunedBlocks.liveBlocks(mask, format)
    let sideByteCount = ranges.reduce(0) { $0 + $1.count }
    let side = try stored.part("side", of: [.u8], count: live.count * sideByteCount).bytes
    let count = mask.shape.count / format.weightCount
    var blocks = [UInt8](repeating: 0, count: count * format.byteCount)
    unsafe side.withUnsafeBytes { side in
      var taken = 0
      for block in live {
        for range in ranges {
          let start = block * format.byteCount + range.lowerBound
          unsafe blocks.replaceSubrange(
            start..<start + range.count, with: side[taken..<taken + range.count])
          taken += range.count
        }
      }
    }
    guard let coding else { return blocks }
    let kept = mask.keptCount
    let bytes = BitPacking.byteCount(kept, bits: coding.bits)
    let part = try stored.part("codes", of: [.u8], count: bytes)
    let codes = Bitmap.scatter(
      BitPacking.unpack(part.bytes, bits: coding.bits, count: kept), to: mask)
    let whole = coding.putting(codes, into: blocks)
    return coding.zero == nil ? whole : coding.pruned(whole, keeping: mask)
  }

  private static func blocks(
    _ stored: PackedTensor
  ) throws(CheckpointError) -> (format: BlockFormat, byteCount: Int) {
    let record = stored.record
    guard let format = record.blocks, !record.isTransposed else {
      throw stored.damaged("its blocks are not named")
    }
    guard let byteCount = format.byteCount(of: record.shape) else {
      throw .rowNotInBlocks(
        tensor: stored.name, columns: record.shape.dimensions.last ?? 1,
        format: format.rawValue, block: format.weightCount)
    }
    return (format, byteCount)
  }
}
