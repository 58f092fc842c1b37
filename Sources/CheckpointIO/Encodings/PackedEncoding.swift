package import Tensors

/// A code of k bits for each weight, and a scale for each group of weights.
///
///     weight = scale × (code + lowest − zero)      binary: ±scale
///
///     NAME.pare.codes    [⌈n × k / 8⌉] of U8, here k = 3
///     ┌─────────────────┬─────────────────┬─────────────────┬──
///     │ byte 0          │ byte 1          │ byte 2          │ …
///     │ c2 c2 c1 c1 c1 c0 c0 c0 │ c5 c4 c4 c4 c3 c3 c3 c2 │ …
///     └─────────────────┴─────────────────┴─────────────────┴──
///       bit 7 ────────→ bit 0     code i begins at bit i × k
///
///     NAME.pare.scales   [groups] of F16, BF16 or F32, the narrowest exact one
///     NAME.pare.zeros    [groups] of U8, I8, I16 or I32; only where affine
///
/// Group `g` of row `r` has number `r × groupsPerRow + g` and covers `group`
/// neighbours of the row (the last one what is left); a `group` of all weights
/// makes one group. `k`, `lowest` and `group` stand in the metadata.
package enum PackedEncoding: StorageEncoding {
  package static let name = "packed"
  package static let hasGrid = true

  package static func parts(_ facts: TensorFacts) -> [StoredPart]? {
    guard let grid = facts.grid, grid.coversPruned || facts.keptCount == facts.count else {
      return nil
    }
    let bytes = BitPacking.byteCount(facts.count, bits: grid.bits)
    return [StoredPart(suffix: "codes", dtype: .u8, count: bytes)] + gridParts(grid)
  }

  package static func encode(_ source: EncodingSource) -> [Bytes] {
    guard let grid = source.grid else { return [] }
    return [GridCodes.packed(grid, source.tensor)] + gridBytes(grid)
  }

  package static func check(_ stored: PackedTensor) throws(CheckpointError) {
    let grid = try stored.grid()
    let bytes = BitPacking.byteCount(stored.record.shape.count, bits: grid.bits)
    _ = try stored.part("codes", of: [.u8], count: bytes)
  }

  package static func rows(
    of stored: PackedTensor
  ) throws(CheckpointError) -> (any RowReader)? {
    try GridRows(stored)
  }

  package static func decode(_ stored: PackedTensor) throws(CheckpointError) -> Tensor {
    let (grid, shape) = (try stored.grid(), stored.record.shape)
    let bytes = BitPacking.byteCount(shape.count, bits: grid.bits)
    let part = try stored.part("codes", of: [.u8], count: bytes)
    return GridCodes.tensor(packed: part.bytes, grid, shape)
  }

  static func gridParts(_ grid: TensorFacts.Grid) -> [StoredPart] {
    var parts = [StoredPart(suffix: "scales", dtype: grid.scaleType, count: grid.groups)]
    if let type = grid.zeroType {
      parts.append(StoredPart(suffix: "zeros", dtype: type, count: grid.groups))
    }
    return parts
  }

  static func gridBytes(_ grid: QuantizationGrid) -> [Bytes] {
    let scales = Bytes(GridScales.bytes(grid.scales))
    return grid.zeros.isEmpty ? [scales] : [scales, Bytes(GridScales.bytes(grid.zeros))]
  }
}
