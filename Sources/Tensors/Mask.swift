/// Which weights of a matrix are kept (1) and which are pruned (0).
///
/// Bits are packed row-major without padding, least significant first:
/// weight `i` is bit `i % 64` of word `i / 64`; bits past `shape.count` are 0.
public struct Mask: Sendable, Hashable {
  /// The shape of the masked tensor.
  public let shape: Shape
  /// The packed bits.
  public let words: [UInt64]

  /// A mask from packed bits.
  public init(shape: Shape, words: [UInt64]) {
    precondition(words.count == (shape.count + 63) / 64)
    self.shape = shape
    self.words = words
  }

  /// Whether weight `index` (row-major) is kept.
  public subscript(index: Int) -> Bool { words[index >> 6] >> UInt64(index & 63) & 1 == 1 }

  /// How many weights are kept.
  public var keptCount: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }
}
