internal import Models
internal import Tensors

extension Tensor {
  /// What a change makes of it. Precondition: an order of rows is one of as many rows.
  ///
  /// Throws `CheckpointError.stopped` once `shouldStop` says so.
  func changed(
    _ change: TensorChange, threads: Int, shouldStop: @Sendable () -> Bool
  ) throws(CheckpointError) -> Tensor {
    var tensor = self
    if let order = change.rows {
      tensor = try tensor.rows(order, threads: threads, shouldStop: shouldStop)
    }
    guard change.offset != 0 || change.factor != 1 else { return tensor }
    return Tensor(shape, tensor.array.map { ($0 + change.offset) * change.factor })
  }

  private func rows(
    _ order: RowOrder, threads: Int, shouldStop: @Sendable () -> Bool
  ) throws(CheckpointError) -> Tensor {
    let sources = order.sources
    // A bias has rows of one value.
    let columns = shape.count / max(sources.count, 1)
    var isFinished = true
    let moved = unsafe Tensor(shape) { values in
      let target = unsafe Shared(values)
      isFinished = unsafe withUnsafeValues { values in
        let values = unsafe Shared(values)
        return Parallel.forEach(
          count: sources.count, threads: threads, shouldStop: shouldStop
        ) { row in
          let from = sources[row] * columns
          for column in 0..<columns {
            unsafe target.pointer.initializeElement(
              at: row * columns + column, to: values.pointer[from + column])
          }
        }
      }
    }
    guard isFinished else { throw .stopped }
    return moved
  }
}
