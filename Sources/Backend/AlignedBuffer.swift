#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Memory on a 64-byte boundary for intermediate results; in large pages where it is large, as
/// rows that are far apart would each need a page of their own.
@safe
package final class AlignedBuffer {
  private let memory: UnsafeMutableRawBufferPointer

  /// Room for `count` values of four bytes; its content is undefined.
  package init(_ count: Int) {
    let byteCount = max(count, 1) * MemoryLayout<Float>.stride
    let isLarge = byteCount >= 2 * Self.largePage
    unsafe memory = .allocate(byteCount: byteCount, alignment: isLarge ? Self.largePage : 64)
    #if os(Linux)
      if isLarge { unsafe _ = madvise(memory.baseAddress, byteCount, MADV_HUGEPAGE) }
    #endif
  }

  private static let largePage = 2 << 20

  deinit { unsafe memory.deallocate() }

  /// As f32.
  package var floats: UnsafeMutablePointer<Float> {
    unsafe memory.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
  }

  /// As f64, half as many.
  package var doubles: UnsafeMutablePointer<Double> {
    unsafe memory.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Double.self)
  }

  /// As bf16 bits, twice as many.
  package var halves: UnsafeMutablePointer<UInt16> {
    unsafe memory.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt16.self)
  }
}
