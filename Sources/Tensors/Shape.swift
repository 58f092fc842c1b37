/// The lengths of a tensor's axes, outermost first; `[]` is a single number.
public struct Shape: Sendable, Hashable, Codable, ExpressibleByArrayLiteral,
  CustomStringConvertible
{
  /// Length of each axis, never negative.
  public let dimensions: [Int]

  /// Precondition: no length is negative and their product fits in `Int`
  /// (readers of files check both before they come here).
  public init(_ dimensions: [Int]) {
    precondition(dimensions.allSatisfy { $0 >= 0 }, "negative dimension")
    self.dimensions = dimensions
  }

  /// The lengths of the axes, outermost first.
  public init(arrayLiteral elements: Int...) { self.init(elements) }

  /// Number of values.
  public var count: Int { dimensions.reduce(1, *) }

  /// Output channels of a layer: the first axis; 1 for a vector or a scalar.
  public var rows: Int { dimensions.count >= 2 ? dimensions[0] : 1 }

  /// Values in a row: the product of all axes after the first.
  public var columns: Int {
    dimensions.count >= 2 ? dimensions.dropFirst().reduce(1, *) : count
  }

  /// `1536 × 384`; a scalar is `scalar`.
  public var description: String {
    dimensions.isEmpty ? "scalar" : dimensions.map(String.init).joined(separator: " × ")
  }

  /// The same axes in the opposite order: what a transposed matrix has.
  public var reversed: Shape { Shape(dimensions.reversed()) }
}
