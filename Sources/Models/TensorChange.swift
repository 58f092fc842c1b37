/// What makes the tensor of one file that of another: rows in another order, then each value
/// with `offset` added, times `factor`.
public struct TensorChange: Sendable, Hashable {
  public var rows: RowOrder?
  public var offset: Float = 0
  public var factor: Float = 1

  public init(rows: RowOrder? = nil, offset: Float = 0, factor: Float = 1) {
    (self.rows, self.offset, self.factor) = (rows, offset, factor)
  }
}
