package import Tensors

/// A bit for each weight that says whether it is kept, and the kept values.
/// Smaller than dense at v bits a value when less than 1 − 1/v are kept.
///
///     NAME.pare.bitmap   [⌈n / 8⌉] of U8
///     ┌─────────────────────────┬─────────────────────────┬──
///     │ byte 0                  │ byte 1                  │ …
///     │ w7 w6 w5 w4 w3 w2 w1 w0 │ w15 … w9 w8             │      1 = kept
///     └─────────────────────────┴─────────────────────────┴──
///       bit 7 ───────→ bit 0      bits past w(n−1) are 0
///
///     NAME.pare.values   [kept] of dtype
///     ┌────────────┬────────────┬──
///     │ first kept │ second kept│ …     in the order of the weights
///     └────────────┴────────────┴──
///
/// Weights are counted row by row in logical orientation, `[out, in]`. A weight
/// that is not kept is +0; −0 is kept.
package enum BitmapEncoding: StorageEncoding {
  package static let name = "bitmap"

  package static func parts(_ facts: TensorFacts) -> [StoredPart]? {
    guard facts.keptCount < facts.count else { return nil }
    return [
      StoredPart(suffix: "bitmap", dtype: .u8, count: Bitmap.byteCount(facts.count)),
      StoredPart(suffix: "values", dtype: facts.dtype, count: facts.keptCount),
    ]
  }

  package static func encode(_ source: EncodingSource) -> [Bytes] {
    let kept = Bitmap.gather(source.tensor, source.kept, count: source.keptCount)
    return [Bitmap.bytes(source.kept), StoredNumbers.stored(kept, source.dtype)]
  }

  package static func check(_ stored: PackedTensor) throws(CheckpointError) {
    let count = stored.record.shape.count
    _ = try stored.part("bitmap", of: [.u8], count: Bitmap.byteCount(count))
    guard try stored.part("values").count <= count else {
      throw stored.damaged("it has more values than weights")
    }
  }

  package static func rows(
    of stored: PackedTensor
  ) throws(CheckpointError) -> (any RowReader)? {
    try BitmapRows(stored)
  }

  package static func decode(_ stored: PackedTensor) throws(CheckpointError) -> Tensor {
    let mask = try Bitmap.mask(stored)
    _ = try stored.part("values", of: DType.allCases, count: mask.keptCount)
    return Bitmap.scatter(try stored.values("values"), to: mask)
  }
}
