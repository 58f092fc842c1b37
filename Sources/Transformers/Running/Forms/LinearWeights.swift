internal import CKernels
internal import Models
internal import Tensors

/// A linear layer that multiplies from the form its weights are stored in. Any number of
/// threads may use it.
protocol LinearWeights: Sendable {
  /// Outputs and inputs.
  var rows: Int { get }
  var columns: Int { get }
  /// Groups of output channels, which threads share out. They do not depend on the threads.
  var groupCount: Int { get }

  /// Whether its inputs are bf16.
  var isHalf: Bool { get }
  /// Whether GELU may be part of its product.
  var activates: Bool { get }

  /// One group's outputs, bias included.
  func multiply(group: Int, _ product: LayerProduct, with hand: Hand)
}

extension LinearWeights {
  var isHalf: Bool { false }
  var activates: Bool { false }
}

/// Weights as f32 or bf16, in the order of the matrix library.
final class PackedLinear: LinearWeights {
  private let weights: PackedWeights
  var rows: Int { weights.rows }
  var columns: Int { weights.columns }
  var groupCount: Int { weights.groupCount }
  var isHalf: Bool { weights.isHalf }
  var activates: Bool { true }

  init(_ weight: Model.Part, _ bias: Model.Part?, _ precision: Precision) throws {
    weights = try PackedWeights(weight.matrix, bias: bias?.vector, precision)
  }

  func multiply(group: Int, _ product: LayerProduct, with hand: Hand) {
    weights.apply(group: group, product, with: hand.engine)
  }
}

/// Weights in ggml's blocks: some channels at a time become f32.
final class BlockLinear: LinearWeights {
  /// Values that are f32 at once.
  private static let room = 1 << 17

  let rows: Int
  let columns: Int
  private let format: BlockFormat
  /// Where the blocks lie in the file, or a copy of them.
  private let place: BytePlace?
  private let copy: [UInt8]
  /// Which rows of them; nil for all.
  private let chosen: RowRuns?
  private let bias: [Float]?
  private let groupRows: Int
  /// Bytes of a row.
  private let stride: Int

  /// nil where the weights are not in blocks, or not row by row. Throws what reading throws.
  init?(_ weight: Model.Part, _ bias: Model.Part?) throws {
    let parameter = weight.parameter
    guard let format = parameter.blocks, let stored = parameter.origin, !parameter.isTransposed,
      let columns = parameter.shape.dimensions.last, parameter.shape.dimensions.count == 2,
      columns.isMultiple(of: format.weightCount)
    else { return nil }
    let stride = columns / format.weightCount * format.byteCount
    place = stored.place
    copy = stored.place == nil ? try stored.read() : []
    let byteCount = unsafe place?.bytes.count ?? copy.count
    guard byteCount >= parameter.shape.rows * stride else { return nil }
    chosen = weight.rows
    self.format = format
    self.columns = columns
    self.stride = stride
    rows = weight.count
    self.bias = try bias?.values()
    groupRows = min(max(Self.room / max(columns, 1) / 16 * 16, 16), 128)
  }

  var groupCount: Int { (rows + groupRows - 1) / groupRows }

  func multiply(group: Int, _ product: LayerProduct, with hand: Hand) {
    let first = group * groupRows
    let channels = min(groupRows, rows - first)
    let weights = unsafe hand.scratch(channels * columns)
    unsafe read(first..<first + channels, into: weights)
    let output = unsafe product.output.assumingMemoryBound(to: Float.self) + first
    unsafe hand.engine.multiply(
      ProductSize(m: product.count, n: channels, k: columns),
      Operand(product.input, stride: columns),
      Operand(weights, stride: columns, isTransposed: true),
      into: Operand(output, stride: product.stride),
      ProductForm(isHalf: false, adds: product.finish.adds))
    guard let bias else { return }
    unsafe bias.withUnsafeBufferPointer { bias in
      unsafe pare_add_bias(
        product.count, channels, output, product.stride,
        bias.baseAddress.unsafelyUnwrapped + first)
    }
  }

  /// Rows as f32.
  func read(_ range: Range<Int>, into values: UnsafeMutablePointer<Float>) {
    unsafe withBytes { bytes in
      var row = range.lowerBound
      while row < range.upperBound {
        // Neighbours of the file.
        let run = chosen.map { $0.count - row % $0.count } ?? range.count
        let count = min(run, range.upperBound - row)
        let source = chosen?.source(of: row) ?? row
        unsafe format.dequantizeRow(
          bytes + source * stride, blocks: count * columns / format.weightCount,
          into: values + (row - range.lowerBound) * columns)
        row += count
      }
    }
  }

  private func withBytes(_ body: (UnsafePointer<UInt8>) -> Void) {
    if let place {
      return unsafe body(
        place.bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self))
    }
    unsafe copy.withUnsafeBufferPointer { unsafe body($0.baseAddress.unsafelyUnwrapped) }
  }
}

extension Model.Part {
  /// The rows of a matrix as a parameter of their own.
  var matrix: Parameter {
    guard let rows else { return parameter }
    let dimensions = [rows.total] + parameter.shape.dimensions.dropFirst()
    let whole = parameter
    return Parameter(
      name: whole.name, shape: Shape(dimensions), dtype: whole.dtype, place: whole.place,
      reading: { threads, shouldStop in
        let tensor = try whole.tensor(threads: threads, shouldStop: shouldStop)
        let columns = dimensions.dropFirst().reduce(1, *)
        return unsafe tensor.withUnsafeValues { values in
          unsafe Tensor(Shape(dimensions)) { target in
            guard let source = values.baseAddress, let start = target.baseAddress else { return }
            for row in 0..<rows.total {
              unsafe (start + row * columns).initialize(
                from: source + rows.source(of: row) * columns, count: columns)
            }
          }
        }
      })
  }

  /// The values of a vector as a parameter of their own.
  var vector: Parameter {
    guard rows != nil else { return parameter }
    let part = self
    return Parameter(
      name: parameter.name, shape: [count], dtype: parameter.dtype, place: parameter.place,
      load: {
        let values = try part.values()
        return Tensor([values.count], values)
      })
  }

  /// The values of a vector, or of a part of a matrix of vectors.
  func values() throws -> [Float] {
    guard let rows else { return try parameter.tensor().array }
    let all = try parameter.tensor().array
    return (0..<rows.total).map { all[rows.source(of: $0)] }
  }

  /// Whether both are the same rows of one parameter.
  func isIdentical(to other: Model.Part) -> Bool {
    rows == other.rows && parameter.isIdentical(to: other.parameter)
  }
}
