package import Tensors

/// Every value at one data type, in the orientation of the checkpoint it came
/// from: the type it had there when that holds every value exactly, else f32.
///
///     NAME   [rows, columns] of dtype
///     ┌────────┬────────┬────────┬──
///     │ w(0,0) │ w(0,1) │ w(0,2) │ …    row-major, little-endian
///     └────────┴────────┴────────┴──
package enum DenseEncoding: StorageEncoding {
  package static let name = "dense"

  package static func parts(_ facts: TensorFacts) -> [StoredPart]? {
    [StoredPart(suffix: "", dtype: facts.dtype, count: facts.count)]
  }

  package static func encode(_ source: EncodingSource) -> [Bytes] {
    [bytes(source.tensor, source.dtype, isTransposed: source.isTransposed)]
  }

  /// The same for values at any type, without looking at them first.
  static func bytes(_ tensor: Tensor, _ dtype: DType, isTransposed: Bool) -> Bytes {
    StoredNumbers.stored(isTransposed ? tensor.transposed() : tensor, dtype)
  }

  package static func check(_ stored: PackedTensor) throws(CheckpointError) {
    _ = try stored.part("", of: DType.allCases, count: stored.record.shape.count)
  }

  package static func decode(_ stored: PackedTensor) throws(CheckpointError) -> Tensor {
    try stored.values("").reshaped(stored.record.shape)
  }
}
