import CKernels

/// Room for rows of weights in the order that products read them in (`panels.h`).
@safe
package struct RowPanels {
  private let kind: Int32
  private let columns: Int
  private let high: UnsafeMutableRawPointer
  private let low: UnsafeMutableRawPointer?

  /// Room for rows of `columns` numbers of a kind of `panels.h`. Without `low`, for numbers that
  /// are bf16 already.
  package init(
    kind: Int32, columns: Int, high: UnsafeMutableRawPointer, low: UnsafeMutableRawPointer?
  ) {
    (self.kind, self.columns) = (kind, columns)
    unsafe self.high = unsafe high
    unsafe self.low = unsafe low
  }

  /// Takes rows of blocks that lie one after the other.
  package func pack(_ rows: Int, of format: BlockFormat, _ bytes: UnsafePointer<UInt8>) {
    unsafe pare_pack_blocks(
      pare_best_packing(), kind, format.kernelFormat, format.weightCount, format.byteCount, rows,
      columns, bytes, columns / format.weightCount * format.byteCount, high, low)
  }

  /// Takes rows of bf16, `stride` numbers apart; false where the panels are of f32.
  package func packShort(_ rows: Int, _ numbers: UnsafeRawPointer, stride: Int) -> Bool {
    guard kind != Int32(PARE_FULL) else { return false }
    unsafe pare_pack_short_rows(
      rows, columns, numbers.assumingMemoryBound(to: UInt16.self), stride, high)
    return true
  }
}
