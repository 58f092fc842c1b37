public import Tensors

extension Checkpoint {
  /// The codes and scales that a tensor is stored as, in the file's orientation;
  /// nil where it is no such tensor (see `BlockCodes.areKept(by:)`), or when
  /// stopped. Reads the tensor.
  public func codes(
    of name: String, threads: Int = Parallel.defaultThreads,
    shouldStop: @Sendable () -> Bool = { false }
  ) -> BlockCodes? {
    guard let tensor = blocks(of: name), let format = tensor.blocks else { return nil }
    return unsafe bytes[tensor.byteRange].withUnsafeBytes {
      unsafe BlockCodes(
        tensor.shape, $0, of: format, threads: threads, shouldStop: shouldStop)
    }
  }

  /// A tensor that is stored in blocks.
  func blocks(of name: String) -> IndexedTensor? {
    stored.first { $0.name == name && $0.blocks != nil }
  }
}
