/// Values of some tokens in memory, a row each, f32 or bf16.
@safe
package struct Values {
  package let memory: AlignedBuffer
  /// Where the first row's are among the memory's.
  package let offset: Int
  /// Values from one row to the next.
  package let stride: Int
  package let isHalf: Bool

  package init(_ memory: AlignedBuffer, offset: Int = 0, stride: Int, isHalf: Bool) {
    (self.memory, self.offset, self.stride, self.isHalf) = (memory, offset, stride, isHalf)
  }

  /// New memory for `rows` rows of `width` values; its content is undefined.
  package init(rows: Int, width: Int, isHalf: Bool) {
    self.init(
      AlignedBuffer(isHalf ? (rows * width + 1) / 2 : rows * width), stride: width, isHalf: isHalf)
  }

  /// The columns from one on.
  package func columns(from column: Int) -> Values {
    Values(memory, offset: offset + column, stride: stride, isHalf: isHalf)
  }

  /// The rows from one on.
  package func rows(from row: Int) -> Values {
    Values(memory, offset: offset + row * stride, stride: stride, isHalf: isHalf)
  }

  /// Where a value is.
  package func place(_ row: Int, _ column: Int = 0) -> UnsafeMutableRawPointer {
    unsafe UnsafeMutableRawPointer(memory.floats)
      + (offset + row * stride + column) * (isHalf ? 2 : 4)
  }

  /// Where a row's are. Precondition: they are f32.
  package func floats(_ row: Int = 0) -> UnsafeMutablePointer<Float> {
    precondition(!isHalf)
    return unsafe memory.floats + offset + row * stride
  }

  /// The matrix of the rows from one on.
  package func operand(
    from row: Int = 0, column: Int = 0, step: Int = 0, isTransposed: Bool = false
  ) -> Operand {
    unsafe Operand(place(row, column), stride: stride, step: step, isTransposed: isTransposed)
  }

  /// For the kernels.
  var half: Int32 { isHalf ? 1 : 0 }
}
