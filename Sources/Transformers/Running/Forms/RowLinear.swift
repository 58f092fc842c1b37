package import Backend
package import Models
package import Tensors

/// Weights as a file has them, whatever their form: those of some output channels at a time are
/// read and multiplied.
package final class RowLinear: StoredLinear, PanelWeights {
  package let rows: Int
  package let columns: Int
  let weights: PartRows
  package let bias: [Float]?
  private let numbers: Numbers
  /// Whether another layer counts what it keeps.
  private let isShared: Bool

  package init?(_ weight: Model.Part, _ bias: Model.Part?, _ precision: Precision) throws {
    guard let weights = try PartRows(weight) else { return nil }
    self.weights = weights
    rows = weight.count
    columns = weights.columns
    self.bias = try bias?.values()
    numbers = precision.numbers
    isShared = false
  }

  /// The same layer for products of other numbers, which reads with the same reader.
  init(_ other: RowLinear, _ precision: Precision) {
    (weights, bias) = (other.weights, other.bias)
    (rows, columns) = (other.rows, other.columns)
    numbers = precision.numbers
    isShared = true
  }

  package var keptByteCount: Int {
    isShared ? 0 : weights.keptByteCount + (bias?.count ?? 0) * MemoryLayout<Float>.stride
  }

  package func form(of count: Int) -> InputForm { count == 1 ? .row : .panels(numbers) }

  package func panels(of group: Int, _ hand: Hand, slot: Int) -> (Panels, rows: Range<Int>) {
    let range = range(of: group)
    let panels = hand.panels(
      range.count, columns: columns, numbers, isShort: weights.isShort, slot: slot)
    let first = range.lowerBound
    for row in stride(from: 0, to: range.count, by: Panels.height) {
      let some = row..<min(row + Panels.height, range.count)
      if weights.pack(
        first + some.lowerBound..<first + some.upperBound, into: panels.room(from: row))
      {
        continue
      }
      let values = unsafe weights.values(first + some.lowerBound..<first + some.upperBound) {
        unsafe hand.scratch(Panels.height * columns)
      }
      unsafe panels.pack(rows: some, values, stride: columns)
    }
    return (panels, 0..<range.count)
  }

  package func multiply(group: Int, _ product: LayerProduct, with hand: Hand) {
    guard case .row(let input) = product.ready else {
      return apply(group: group, product, of: 0..<product.count, with: hand)
    }
    multiply(rows: range(of: group), by: input, product, with: hand)
  }

  package func multiply(
    rows: Range<Int>, by input: RowInput, _ product: LayerProduct, with hand: Hand
  ) {
    weights.multiply(rows, by: input, product, bias: bias, with: hand)
  }

  package var origin: (any FileBytes)? { weights.origin }
}

/// The rows of a part of a model, read where they lie.
struct PartRows: Sendable {
  let columns: Int
  private let reader: any RowReader
  /// Which rows of the parameter; nil for all.
  private let chosen: RowRuns?
  private let total: Int

  /// nil for what is no matrix of a file whose rows can be read. Throws what reading throws.
  init?(_ part: Model.Part) throws {
    guard part.parameter.shape.dimensions.count == 2,
      let reader = try part.parameter.storedRows?.open()
    else { return nil }
    self.reader = reader
    columns = part.parameter.shape.columns
    chosen = part.rows
    total = part.count
  }

  var keptByteCount: Int { reader.keptByteCount }
  var isShort: Bool { reader.isShort }
  /// Whether one input is multiplied by rows as they are.
  var multiplies: Bool { reader.multiplies }

  func read(_ range: Range<Int>, into values: UnsafeMutablePointer<Float>) {
    var row = range.lowerBound
    while row < range.upperBound {
      let source = neighbours(of: row, before: range.upperBound)
      unsafe reader.read(source, into: values + (row - range.lowerBound) * columns)
      row += source.count
    }
  }

  /// Rows that are read at once, where they are not multiplied as they are.
  private static let readRows = 4

  /// Gives the outputs of some rows of a product with one input.
  func multiply(
    _ range: Range<Int>, by input: RowInput, _ product: LayerProduct, bias: [Float]?,
    with hand: Hand
  ) {
    let sums = unsafe hand.sums(range.count)
    if reader.multiplies {
      unsafe multiply(range, by: input, into: sums)
    } else {
      for row in stride(from: 0, to: range.count, by: Self.readRows) {
        let some = min(Self.readRows, range.count - row)
        let first = range.lowerBound + row
        let values = unsafe values(first..<first + some) {
          unsafe hand.scratch(Self.readRows * columns)
        }
        unsafe input.multiply(some, of: .f32, values, stride: columns, into: sums + row)
      }
    }
    unsafe product.put(sums, range.count, bias: bias, to: range.lowerBound)
  }

  private func multiply(
    _ range: Range<Int>, by input: RowInput, into output: UnsafeMutablePointer<Float>
  ) {
    var row = range.lowerBound
    while row < range.upperBound {
      let source = neighbours(of: row, before: range.upperBound)
      unsafe reader.multiply(source, by: input, into: output + (row - range.lowerBound))
      row += source.count
    }
  }

  /// Writes rows as panels; false where they are to be read for that.
  func pack(_ range: Range<Int>, into panels: RowPanels) -> Bool {
    let source = neighbours(of: range.lowerBound, before: range.upperBound)
    return source.count == range.count && reader.pack(source, into: panels)
  }

  /// Rows as f32: where they lie, or in `room`, which has as much as they need.
  func values(
    _ range: Range<Int>, room: () -> UnsafeMutablePointer<Float>
  ) -> UnsafePointer<Float> {
    let source = neighbours(of: range.lowerBound, before: range.upperBound)
    if source.count == range.count, let values = unsafe reader.address(of: source) {
      return unsafe values
    }
    let values = unsafe room()
    unsafe read(range, into: values)
    return unsafe UnsafePointer(values)
  }

  /// The rows of the parameter from one of the part on that are neighbours in both.
  private func neighbours(of row: Int, before end: Int) -> Range<Int> {
    guard let chosen else { return row..<end }
    let source = chosen.source(of: row)
    return source..<source + min(chosen.count - row % chosen.count, end - row)
  }

  var origin: any FileBytes { reader.origin }
}
