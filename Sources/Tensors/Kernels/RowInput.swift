import CKernels

/// One input of a product, made ready for rows of weights in any form (`rows.h`).
@safe
package final class RowInput {
  private var room: UnsafeMutableRawBufferPointer
  private var input: pare_row_input
  package private(set) var count = 0

  package init() {
    unsafe room = .allocate(byteCount: 0, alignment: 64)
    unsafe input = pare_row_input()
  }

  deinit { unsafe room.deallocate() }

  /// Takes `count` numbers, which stay where they are.
  package func prepare(_ count: Int, _ values: UnsafePointer<Float>) {
    let needed = pare_row_room(count) * MemoryLayout<Float>.stride
    if unsafe needed > room.count {
      unsafe room.deallocate()
      unsafe room = .allocate(byteCount: needed, alignment: 64)
    }
    self.count = count
    guard let start = unsafe room.baseAddress else { return }
    unsafe input = pare_prepare_row(
      KernelLevel.best, count, values, start.assumingMemoryBound(to: Float.self))
  }

  /// Products with rows of f32, f16 or bf16 that lie `stride` numbers apart.
  package func multiply(
    _ rows: Int, of dtype: DType, _ values: UnsafeRawPointer, stride: Int,
    into output: UnsafeMutablePointer<Float>
  ) {
    precondition(dtype.isReadDirectly)
    unsafe pare_multiply_rows(
      KernelLevel.best, dtype.kernelKind, values, stride, rows, count, input.values, output)
  }

  /// Products with rows of blocks; false where a format's are not multiplied as they are.
  package func multiply(
    _ rows: Int, of format: BlockFormat, _ bytes: UnsafePointer<UInt8>,
    into output: UnsafeMutablePointer<Float>
  ) -> Bool {
    guard pare_multiplies_rows(format.kernelFormat) != 0 else { return false }
    let size = count / format.weightCount * format.byteCount
    unsafe withUnsafePointer(to: input) { input in
      unsafe pare_multiply_block_rows(
        KernelLevel.best, format.kernelFormat, bytes, size, rows, count, input, output)
    }
    return true
  }
}
