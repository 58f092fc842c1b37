import CKernels

/// One input of a product, made ready for rows of weights in any form (`rows.h`).
@safe
package final class RowInput {
  private var room: UnsafeMutableRawBufferPointer
  private var input: pare_row_input
  /// The same for codes, where this machine multiplies them.
  private(set) var codes: pare_code_input
  package private(set) var count = 0

  package init() {
    unsafe room = .allocate(byteCount: 0, alignment: 64)
    unsafe input = pare_row_input()
    unsafe codes = pare_code_input()
  }

  deinit { unsafe room.deallocate() }

  /// Takes `count` numbers, which stay where they are.
  package func prepare(_ count: Int, _ values: UnsafePointer<Float>) {
    let plain = (pare_row_room(count) * MemoryLayout<Float>.stride + 63) / 64 * 64
    let needed = plain + pare_code_room(count)
    if unsafe needed > room.count {
      unsafe room.deallocate()
      unsafe room = .allocate(byteCount: needed, alignment: 64)
    }
    self.count = count
    guard let start = unsafe room.baseAddress else { return }
    unsafe input = pare_prepare_row(
      pare_best_rows(), count, values, start.assumingMemoryBound(to: Float.self))
    if CodeRows.areMultiplied { unsafe codes = pare_prepare_codes(count, values, start + plain) }
  }

  /// Products with rows of f32, f16 or bf16 that lie `stride` numbers apart.
  package func multiply(
    _ rows: Int, of dtype: DType, _ values: UnsafeRawPointer, stride: Int,
    into output: UnsafeMutablePointer<Float>
  ) {
    precondition(dtype.isReadDirectly)
    unsafe withUnsafePointer(to: input) { input in
      unsafe pare_multiply_rows(
        pare_best_rows(), dtype.kernelKind, values, stride, rows, count, input, output)
    }
  }

  /// Whether rows of a format's blocks are multiplied as they are.
  package static func multiplies(_ format: BlockFormat) -> Bool {
    pare_multiplies_rows(format.kernelFormat) != 0
  }

  /// Products with rows of blocks. Precondition: the format is multiplied.
  package func multiply(
    _ rows: Int, of format: BlockFormat, _ bytes: UnsafePointer<UInt8>,
    into output: UnsafeMutablePointer<Float>
  ) {
    precondition(Self.multiplies(format))
    let size = count / format.weightCount * format.byteCount
    unsafe withUnsafePointer(to: input) { input in
      unsafe pare_multiply_block_rows(
        pare_best_rows(), format.kernelFormat, bytes, size, rows, count, input, output)
    }
  }

  /// Products with rows of a bitmap: row r's numbers are those of `values` from `starts[r]` on, one
  /// for each of its bits that is set. The bits begin with bit `firstBit`. Precondition: the dtype
  /// is read directly, and codes are multiplied (`CodeRows.areMultiplied`).
  package func multiply(
    _ rows: Int, of dtype: DType, _ values: UnsafeRawBufferPointer,
    bitmap: UnsafeRawBufferPointer, from firstBit: Int, starts: UnsafePointer<Int>,
    into output: UnsafeMutablePointer<Float>
  ) {
    precondition(dtype.isReadDirectly && CodeRows.areMultiplied)
    unsafe withUnsafePointer(to: input) { input in
      unsafe pare_multiply_kept_rows(
        dtype.kernelKind, pare_bits(values), pare_bits(bitmap), firstBit, starts, rows, count,
        input, output)
    }
  }
}
