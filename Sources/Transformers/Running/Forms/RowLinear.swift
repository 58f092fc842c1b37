package import Backend
package import Models
internal import Tensors

/// Weights as a file has them, whatever their form: those of some output channels at a time
/// become f32, and are multiplied.
package final class RowLinear: StoredLinear {
  /// Values that are f32 at once.
  private static let room = 1 << 17

  package let rows: Int
  package let columns: Int
  let weights: PartRows
  private let bias: [Float]?
  private let groupRows: Int

  package init?(
    _ weight: Model.Part, _ bias: Model.Part?, _ precision: Precision, stride: Int
  ) throws {
    guard let weights = try PartRows(weight) else { return nil }
    self.weights = weights
    rows = weight.count
    columns = weights.columns
    self.bias = try bias?.values()
    groupRows = min(max(Self.room / max(columns, 1) / 16 * 16, 16), 128)
  }

  package var groupCount: Int { (rows + groupRows - 1) / groupRows }

  package var keptByteCount: Int {
    weights.keptByteCount + (bias?.count ?? 0) * MemoryLayout<Float>.stride
  }

  package func multiply(group: Int, _ product: LayerProduct, with hand: Hand) {
    let first = group * groupRows
    let channels = min(groupRows, rows - first)
    let values = unsafe weights.values(first..<first + channels) {
      unsafe hand.scratch(channels * columns)
    }
    let output = unsafe product.output.assumingMemoryBound(to: Float.self) + first
    unsafe hand.engine.multiply(
      ProductSize(m: product.count, n: channels, k: columns),
      Operand(product.input, stride: columns),
      Operand(values, stride: columns, isTransposed: true),
      into: Operand(output, stride: product.stride),
      ProductForm(isHalf: false, adds: product.finish.adds))
    guard let bias else { return }
    unsafe bias.withUnsafeBufferPointer { bias in
      unsafe Processor.addBias(
        product.count, channels, bias.baseAddress.unsafelyUnwrapped + first,
        stride: product.stride, to: output)
    }
  }

  package func check() throws { try weights.check() }
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

  func read(_ range: Range<Int>, into values: UnsafeMutablePointer<Float>) {
    var row = range.lowerBound
    while row < range.upperBound {
      let source = neighbours(of: row, before: range.upperBound)
      unsafe reader.read(source, into: values + (row - range.lowerBound) * columns)
      row += source.count
    }
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

  func check() throws { try reader.check() }
}
