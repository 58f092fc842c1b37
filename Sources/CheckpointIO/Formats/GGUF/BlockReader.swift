internal import Tensors

/// Reads the weights of a tensor stored in blocks when they are asked for.
struct BlockReader: Sendable {
  /// As many as shape and format need.
  let bytes: Bytes
  let format: BlockFormat
  /// As stored; rows are whole numbers of blocks.
  let shape: Shape
  /// Whether the logical tensor is the transpose of the stored one.
  let isTransposed: Bool

  /// The weights in logical orientation, on up to `threads` threads. Throws
  /// `CheckpointError.stopped` soon after `shouldStop` says so.
  func tensor(
    threads: Int, shouldStop: @Sendable () -> Bool
  ) throws(CheckpointError) -> Tensor {
    let weights = try bytes.reading { () throws(CheckpointError) in
      unsafe bytes.withUnsafeBytes {
        unsafe Tensor(
          shape, dequantizing: $0, from: format, threads: threads, shouldStop: shouldStop)
      }
    }
    guard let weights, !shouldStop() else { throw .stopped }
    return isTransposed ? weights.transposed(threads: threads) : weights
  }
}
