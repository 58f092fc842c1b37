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

  package static func parts(_ facts: TensorFacts) -> [StoredPart]? {
    guard let grid = facts.grid, facts.keptCount < facts.count else { return nil }
    let codes = BitPacking.byteCount(facts.keptCount, bits: grid.bits)
    return [
      StoredPart(suffix: "bitmap", dtype: .u8, count: Bitmap.byteCount(facts.count)),
      StoredPart(suffix: "codes", dtype: .u8, count: codes),
    ] + PackedEncoding.gridParts(grid)
  }

  package static func encode(_ source: EncodingSource) -> [[UInt8]] {
    guard let grid = source.grid else { return [] }
    let all = GridCodes.codes(grid, source.tensor)
    var kept: [UInt8] = []
    kept.reserveCapacity(source.keptCount)
    Bitmap.forEachKept(source.kept) { kept.append(all[$0]) }
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

  package static func decode(_ stored: PackedTensor) throws(CheckpointError) -> Tensor {
    let grid = try stored.grid()
    let mask = try Bitmap.mask(stored)
    let kept = mask.keptCount
    let bytes = BitPacking.byteCount(kept, bits: grid.bits)
    let part = try stored.part("codes", of: [.u8], count: bytes)
    let codes = BitPacking.unpack(part.bytes, bits: grid.bits, count: kept)
    var all = [UInt8](repeating: 0, count: mask.shape.count)
    var next = 0
    Bitmap.forEachKept(mask) { index in
      all[index] = codes[next]
      next += 1
    }
    let dense = GridCodes.tensor(all, grid, mask.shape)
    return Bitmap.scatter(Bitmap.gather(dense, mask, count: kept), to: mask)
  }
}
