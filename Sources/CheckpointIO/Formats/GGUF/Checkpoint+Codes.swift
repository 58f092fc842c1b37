public import Tensors

extension Checkpoint {
  /// The codes and scales that a tensor is stored as, in the file's orientation;
  /// nil where it is not stored in blocks, or when stopped. Reads the tensor.
  public func codes(
    of name: String, threads: Int = Parallel.defaultThreads,
    shouldStop: @Sendable () -> Bool = { false }
  ) -> BlockCodes? {
    guard let entry = BlockIndex(self)[name] else { return nil }
    return unsafe bytes[entry.byteRange].withUnsafeBytes {
      unsafe BlockCodes(
        entry.shape, $0, of: entry.format, threads: threads, shouldStop: shouldStop)
    }
  }
}
