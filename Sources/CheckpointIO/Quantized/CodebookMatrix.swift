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
    let (bytes, table) = (codes.rowMajor, table.floats)
    let magnitudes = blockMagnitudes
    let (count, blockSize) = (shape.count, blockSize)
    var isFinished = true
    let tensor = unsafe Tensor(shape) { values in
      let target = unsafe Shared(values)
      isFinished = Parallel.forEach(
        count: Parallel.chunks(count), threads: threads, shouldStop: shouldStop
      ) { chunk in
        for index in Parallel.range(chunk, of: count) {
          let byte = bytes[index / 2]
          let code = index % 2 == 0 ? byte >> 4 : byte & 15
          unsafe target.pointer.initializeElement(
            at: index, to: table[Int(code)] * magnitudes[index / blockSize])
        }
      }
    }
    guard isFinished, !shouldStop() else { throw .stopped }
    return tensor
  }

  private var blockMagnitudes: [Float] {
    switch magnitudes {
    case .plain(let array): return array.floats
    case .nested(let codes, let table, let magnitudes, let blockSize, let offset):
      let (bytes, table, magnitudes) = (codes.rowMajor, table.floats, magnitudes.floats)
      return (0..<codes.count).map {
        table[Int(bytes[$0])] * magnitudes[$0 / blockSize] + offset
      }
    }
  }
}
