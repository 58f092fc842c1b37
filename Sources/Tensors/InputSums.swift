/// Sums of squares of what goes into a linear layer on a text.
public struct InputSums: Sendable, Hashable {
  /// One an input.
  public var squares: [Double]
  /// How many inputs were seen: tokens, and of an expert those that it took.
  public var rows: Int

  public init(squares: [Double], rows: Int) {
    self.squares = squares
    self.rows = rows
  }

  /// Mean squares; nil where nothing was seen.
  public var means: [Float]? {
    rows > 0 ? squares.map { Float($0 / Double(rows)) } : nil
  }

  /// Both together.
  public static func + (first: Self, second: Self) -> Self {
    Self(
      squares: zip(first.squares, second.squares).map { $0 + $1 }, rows: first.rows + second.rows)
  }
}
