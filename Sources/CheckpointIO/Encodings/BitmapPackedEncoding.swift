package import Tensors

/// A bit for each weight, and codes of k bits for the kept ones only: what is
/// pruned and quantized costs 1 + k × kept/n bits a weight and its scales.
///
///     NAME.pare.bitmap   [⌈n / 8⌉] of U8           as in `BitmapEncoding`
///     NAME.pare.codes    [⌈kept × k / 8⌉] of U8    as in `PackedEncoding`,
///     ┌─────────────────┬──                        code j belongs to the j-th
///     │ … c2 c1 c0      │ …                        kept weight
///     └─────────────────┴──
///     NAME.pare.scales, NAME.pare.zeros            as in `PackedEncoding`,
///                                                  groups cut from all weights
package enum BitmapPackedEncoding: StorageEncoding {
  package static let name = "bitmap+packed"
  package static let hasGrid = true

  package static func parts(_ facts: TensorFacts) -> [StoredPart]? {
    guard let grid = facts.grid, facts.keptCount < facts.count else { return nil }
    let codes = BitPacking.byteCount(facts.keptCount, bits: grid.bits)
    return [
      StoredPart(suffix: "bitmap", dtype: .u8, count: Bitmap.byteCount(facts.count)),
      StoredPart(suffix: "codes", dtype: .u8, count: codes),
    ] + PackedEncoding.gridParts(grid)
  }

  package static func encode(_ source: EncodingSource) -> [Bytes] {
    guard let grid = source.grid else { return [] }
    let kept = Bitmap.gather(
      GridCodes.codes(grid, source.tensor), source.kept, count: source.keptCount)
    return [Bitmap.bytes(source.kept), BitPacking.pack(kept, bits: grid.bits)]
      + PackedEncoding.gridBytes(grid)
  }

  package static func check(_ stored: PackedTensor) throws(CheckpointError) {
    let grid = try stored.grid()
    let count = stored.record.shape.count
    _ = try stored.part("bitmap", of: [.u8], count: Bitmap.byteCount(count))
    let codes = try stored.part("codes")
    guard codes.dtype == .u8, codes.count <= BitPacking.byteCount(count, bits: grid.bits) else {
      throw stored.damaged("it has more codes than weights")
    }
  }

  package static func rows(
    of stored: PackedTensor
  ) throws(CheckpointError) -> (any RowReader)? {
    try GridRows(stored, bitmap: RowsOfBitmap(stored))
  }

  package static func decode(_ stored: PackedTensor) throws(CheckpointError) -> Tensor {
    let grid = try stored.grid()
    let mask = try Bitmap.mask(stored)
    let kept = mask.keptCount
    let bytes = BitPacking.byteCount(kept, bits: grid.bits)
    let part = try stored.part("codes", of: [.u8], count: bytes)
    let codes = BitPacking.unpack(part.bytes, bits: grid.bits, count: kept)
    let dense = GridCodes.tensor(Bitmap.scatter(codes, to: mask), grid, mask.shape)
    return mask.applying(to: dense) ?? dense
  }
}
