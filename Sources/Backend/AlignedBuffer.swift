/// Memory on a 64-byte boundary for one thread's intermediate results.
@safe
package final class AlignedBuffer {
  private let memory: UnsafeMutableRawBufferPointer

  /// Room for `count` values of four bytes; its content is undefined.
  package init(_ count: Int) {
    unsafe memory = .allocate(
      byteCount: max(count, 1) * MemoryLayout<Float>.stride, alignment: 64)
  }

  deinit { unsafe memory.deallocate() }

  /// As f32.
  package var floats: UnsafeMutablePointer<Float> {
    unsafe memory.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
  }

  /// As bf16 bits, twice as many.
  package var halves: UnsafeMutablePointer<UInt16> {
    unsafe memory.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt16.self)
  }
}
