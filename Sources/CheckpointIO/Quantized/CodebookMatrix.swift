internal import Tensors

/// Weights whose four-bit codes are places in a table of values:
///
///     weight = table[code] × magnitude of its block
///
/// Blocks are counted over all weights, row by row.
struct CodebookMatrix: QuantizedWeights {
  /// The largest magnitude of each block.
  enum Magnitudes: Sendable {
    case plain(StoredArray)
    /// `table[code] × magnitude of its block of magnitudes + offset`.
    case nested(
      codes: StoredArray, table: StoredArray, magnitudes: StoredArray, blockSize: Int,
      offset: Float)
  }

  let shape: Shape
  let dtype: DType
  let codeName: String
  let codes: StoredArray
  let table: StoredArray
  let blockSize: Int
  let magnitudes: Magnitudes

  /// Its levels are not evenly spaced.
  func grid() -> QuantizationGrid? { nil }

  func tensor(
    threads: Int, shouldStop: @Sendable () -> Bool
  ) throws(CheckpointError) -> Tensor {
    let weights = CodebookRows(self)
    let count = shape.count
    var isFinished = true
    let tensor = unsafe Tensor(shape) { values in
      let target = unsafe Shared(values)
      isFinished = Parallel.forEach(
        count: Parallel.chunks(count), threads: threads, shouldStop: shouldStop
      ) { chunk in
        let range = Parallel.range(chunk, of: count)
        guard let start = unsafe target.pointer.baseAddress else { return }
        unsafe weights.read(weights: range, into: start + range.lowerBound)
      }
    }
    guard isFinished, !shouldStop() else { throw .stopped }
    return tensor
  }

  func rows() -> any RowReader { CodebookRows(self) }

  var byteCount: Int {
    switch magnitudes {
    case .plain(let array): codes.byteCount + array.byteCount
    case .nested(let nested, _, let array, _, _):
      codes.byteCount + nested.byteCount + array.byteCount
    }
  }
}
