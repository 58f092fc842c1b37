package import Backend
package import Models
package import Tensors

/// A linear layer that multiplies from the form its weights are in. Any number of threads may
/// use it.
package protocol LinearWeights {
  /// Outputs and inputs.
  var rows: Int { get }
  var columns: Int { get }
  /// Groups of output channels, which threads share out. They do not depend on the threads.
  var groupCount: Int { get }
  /// Bytes of memory that it keeps; those of a mapped file are not among them.
  var keptByteCount: Int { get }

  /// How it reads so many inputs.
  func form(of count: Int) -> InputForm

  /// The channels of the residual stream that its outputs belong to; nil where it writes all, or
  /// does not write there.
  var outputs: [Int32]? { get }

  /// One group's outputs, bias included.
  func multiply(group: Int, _ product: LayerProduct, with hand: Hand)

  /// Some outputs of one input, bias included. Only of layers that read one input as a row.
  func multiply(
    rows: Range<Int>, by input: RowInput, _ product: LayerProduct, with hand: Hand)

  /// The bytes that weights are read from while they are multiplied; nil where they are in memory.
  var origin: (any FileBytes)? { get }
}

/// A linear layer whose rows can be had in panels.
package protocol PanelWeights: LinearWeights {
  var bias: [Float]? { get }
  /// One group's rows, as rows of panels, good until the hand is asked for the same slot again.
  func panels(of group: Int, _ hand: Hand, slot: Int) -> (Panels, rows: Range<Int>)
}

extension PanelWeights {
  /// Rows of a group, a whole number of panels.
  package static var groupRows: Int { 96 }
  package var groupCount: Int { (rows + Self.groupRows - 1) / Self.groupRows }

  func range(of group: Int) -> Range<Int> {
    group * Self.groupRows..<min((group + 1) * Self.groupRows, rows)
  }

  /// One group's outputs of some inputs in panels.
  func apply(group: Int, _ product: LayerProduct, of inputs: Range<Int>, with hand: Hand) {
    let (panels, rows) = panels(of: group, hand, slot: 0)
    product.apply(
      panels, rows: rows, bias: bias, to: range(of: group).lowerBound, of: inputs, with: hand)
  }
}

/// A linear layer whose weights are a model's.
package protocol StoredLinear: LinearWeights, Sendable {
  /// nil where the weights are in another form. Throws what reading throws.
  init?(_ weight: Model.Part, _ bias: Model.Part?, _ precision: Precision) throws
}

/// The forms that stored weights are multiplied from. To add one, write `Forms/MyLinear.swift` and a
/// line here.
package enum LinearCatalog {
  /// Asked in this order.
  package static let all: [any StoredLinear.Type] = [RowLinear.self, PanelLinear.self]

  /// Throws what reading throws.
  static func layer(
    _ weight: Model.Part, _ bias: Model.Part?, _ precision: Precision
  ) throws -> any StoredLinear {
    for form in all {
      if let layer = try form.init(weight, bias, precision) { return layer }
    }
    throw NetworkError.notRunnable("\(weight.parameter.name) cannot be multiplied")
  }
}

extension LinearWeights {
  package var outputs: [Int32]? { nil }

  package func multiply(
    rows: Range<Int>, by input: RowInput, _ product: LayerProduct, with hand: Hand
  ) {
    preconditionFailure("not a layer that reads a row")
  }

  package var origin: (any FileBytes)? { nil }
}

extension Model.Part {
  /// The rows of a matrix as a parameter of their own.
  package var matrix: Parameter {
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
