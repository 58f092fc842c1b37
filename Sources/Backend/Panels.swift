internal import CFaults
internal import CKernels
package import Models
package import Tensors

/// Rows of weights, or inputs of products, in the order that products read them in (`panels.h`).
///
/// `@unchecked Sendable`: threads write panels of their own, and read when all are written.
@safe
package final class Panels: @unchecked Sendable {
  /// Rows of a panel.
  package static let height = 16

  package let numbers: Numbers
  /// Numbers of each row.
  package private(set) var columns: Int
  private var high: AlignedBuffer
  private var low: AlignedBuffer?
  private var byteCount: Int

  /// Room for `count` rows. Where `isShort`, all numbers are known to be bf16 already.
  package init(_ count: Int, columns: Int, _ numbers: Numbers, isShort: Bool = false) {
    self.numbers = numbers
    self.columns = columns
    byteCount = Panels.byteCount(count, columns: columns, numbers)
    high = AlignedBuffer(byteCount / 4)
    low = numbers == .split && !isShort ? AlignedBuffer(byteCount / 4) : nil
  }

  /// Weights in memory, `count` rows one after the other.
  package convenience init(
    _ weights: UnsafePointer<Float>, count: Int, columns: Int, _ numbers: Numbers
  ) {
    let isShort = unsafe numbers == .split && pare_are_bf16(count * columns, weights) != 0
    self.init(count, columns: columns, numbers, isShort: isShort)
    unsafe pack(rows: 0..<count, weights, stride: columns)
  }

  /// Bytes of memory that it takes.
  package var keptByteCount: Int { low == nil ? byteCount : 2 * byteCount }

  private static func byteCount(_ count: Int, columns: Int, _ numbers: Numbers) -> Int {
    (count + height - 1) / height * panelByteCount(columns: columns, numbers)
  }

  /// Bytes from one panel to the next.
  var panelByteCount: Int { Panels.panelByteCount(columns: columns, numbers) }

  private static func panelByteCount(columns: Int, _ numbers: Numbers) -> Int {
    let length = pare_chunk_length(numbers.code)
    return (columns + length - 1) / length * 1024
  }

  func place(_ row: Int) -> (UnsafeMutableRawPointer, UnsafeMutableRawPointer?) {
    precondition(row % Panels.height == 0)
    let offset = row / Panels.height * panelByteCount
    return unsafe (
      UnsafeMutableRawPointer(high.floats) + offset,
      low.map { unsafe UnsafeMutableRawPointer($0.floats) + offset }
    )
  }

  /// Room for rows of weights from `first` on, which begins a panel.
  package func room(from first: Int) -> RowPanels {
    let (high, low) = unsafe place(first)
    return unsafe RowPanels(kind: numbers.code, columns: columns, high: high, low: low)
  }

  /// Writes the rows of weights `rows`, which begin at a panel. `values` begins with their first.
  package func pack(
    rows: Range<Int>, _ values: UnsafePointer<Float>, stride: Int
  ) {
    let (high, low) = unsafe place(rows.lowerBound)
    unsafe pare_pack_rows(
      pare_best_packing(), numbers.code, rows.count, columns, values, stride, high, low)
  }

  /// Writes rows whose numbers along `columns` are `stride` apart, and which stand beside each
  /// other.
  func pack(columns values: UnsafePointer<Float>, stride: Int, rows: Int) {
    let (high, low) = unsafe place(0)
    unsafe pare_pack_columns(
      pare_best_packing(), numbers.code, rows, columns, values, stride, high, low, panelByteCount)
  }

  /// Writes the inputs `inputs`, which begin at a panel. `values` begins with their first.
  package func pack(
    inputs: Range<Int>, _ values: UnsafePointer<Float>, stride: Int
  ) {
    let (high, low) = unsafe place(inputs.lowerBound)
    unsafe pare_pack_inputs(
      pare_best_packing(), numbers.code, inputs.count, columns, values, stride, high, low)
  }

  /// Makes room for rows of other sizes, whose content is undefined.
  package func resize(_ count: Int, columns: Int) {
    let needed = Panels.byteCount(count, columns: columns, numbers)
    self.columns = columns
    guard needed > byteCount else { return }
    byteCount = needed
    high = AlignedBuffer(needed / 4)
    if low != nil { low = AlignedBuffer(needed / 4) }
  }

  /// outputs[input · stride + row] ← sum of products, plus the row's bias; added to what is there
  /// where `adds`. `rows` and `inputs` begin with panels.
  package func multiply(
    rows: Range<Int>, by inputs: Panels, _ range: Range<Int>,
    into output: UnsafeMutablePointer<Float>, stride: Int, bias: UnsafePointer<Float>?,
    adds: Bool, with hand: Hand
  ) {
    precondition(columns == inputs.columns && numbers == inputs.numbers)
    pare_use_signal_stack()
    let (weights, rest) = unsafe place(rows.lowerBound)
    let (values, valuesRest) = unsafe inputs.place(range.lowerBound)
    let height = (rows.count + Panels.height - 1) / Panels.height * Panels.height
    unsafe pare_multiply_panels(
      pare_best_unit(numbers.code), numbers.code, columns,
      pare_panels(high: weights, low: rest, count: rows.count),
      pare_panels(high: values, low: valuesRest, count: range.count),
      hand.sums(height * Int(PARE_PANEL_INPUTS)), output, stride, bias, adds ? 1 : 0)
  }

  /// The first half of an MLP, f(gate) · up or f(gate) alone, as inputs of the product after it,
  /// which is that of `hidden`: rows of both layers from `first` on, a multiple of 32.
  package func multiplyGated(
    rows: Range<Int>, bias: [Float]?, up: (weights: Panels, rows: Range<Int>, bias: [Float]?)?,
    _ function: ModelConfig.Activation, by inputs: Panels, _ range: Range<Int>, first: Int,
    into hidden: Panels, with hand: Hand
  ) {
    precondition(columns == inputs.columns && numbers == inputs.numbers && first % 32 == 0)
    precondition(hidden.numbers == numbers && first + rows.count <= hidden.columns)
    pare_use_signal_stack()
    let (weights, rest) = unsafe place(rows.lowerBound)
    let (values, valuesRest) = unsafe inputs.place(range.lowerBound)
    let (target, targetRest) = unsafe hidden.place(range.lowerBound)
    let skip = first / pare_chunk_length(numbers.code) * 1024
    let height = (rows.count + Panels.height - 1) / Panels.height * Panels.height
    let other = unsafe up.map { unsafe $0.weights.place($0.rows.lowerBound) }
    unsafe LayerProduct.with(bias, at: first) { bias in
      unsafe LayerProduct.with(up?.bias, at: first) { upBias in
        unsafe pare_multiply_gated(
          pare_best_unit(numbers.code), numbers.code, columns,
          pare_panels(high: weights, low: rest, count: rows.count),
          pare_panels(high: other?.0, low: other?.1, count: rows.count), bias, upBias,
          function.code, pare_panels(high: values, low: valuesRest, count: range.count),
          hand.sums(2 * height * Int(PARE_PANEL_INPUTS)), target + skip,
          targetRest.map { unsafe $0 + skip }, hidden.panelByteCount)
      }
    }
  }
}
