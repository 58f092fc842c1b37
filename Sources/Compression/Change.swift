package import Jobs
package import Tensors

/// What a pass does to the values of one layer: nil when stopped.
package typealias Change =
  @Sendable (
    _ weights: Tensor, _ threads: Int, _ shouldStop: @Sendable () -> Bool
  ) -> Tensor?

extension Parameter {
  /// The values, read on the job's threads. Throws `Cancelled` once the job is to
  /// stop, and what reading throws.
  package func weights(in job: borrowing JobContext) throws -> Tensor {
    try weights(threads: job.threads, shouldStop: job.shouldStop)
  }

  /// The same for code that cannot borrow the context.
  func weights(threads: Int, shouldStop: @Sendable () -> Bool) throws -> Tensor {
    do {
      return try tensor(threads: threads, shouldStop: shouldStop)
    } catch {
      if shouldStop() { throw Cancelled() }
      throw error
    }
  }

  /// The same parameter with changed values: made now and kept, or `lazily` each
  /// time they are read, so that a model larger than memory can be worked on.
  ///
  /// `weights` are the parameter's present values. Throws `Cancelled`.
  package func changed(
    from weights: Tensor, lazily: Bool, grid: QuantizationGrid?, mask: Mask?, threads: Int,
    shouldStop: @Sendable () -> Bool, by change: @escaping Change
  ) throws -> Parameter {
    guard lazily else {
      guard let values = change(weights, threads, shouldStop) else { throw Cancelled() }
      return replacing(values, grid: grid, mask: mask)
    }
    return Parameter(
      name: name, shape: shape, dtype: dtype, place: place, isTransposed: isTransposed,
      grid: grid, mask: mask,
      reading: { threads, shouldStop in
        let present = try self.weights(threads: threads, shouldStop: shouldStop)
        guard let values = change(present, threads, shouldStop) else { throw Cancelled() }
        return values
      }
    ).knowingInputs(of: self)
  }
}

extension [Parameter] {
  /// Whether changed values are made when they are read rather than kept: from
  /// 2²⁸ weights, which are 1 GiB.
  var areLarge: Bool { reduce(0) { $0 + $1.shape.count } >= 1 << 28 }
}

extension Parameter {
  /// Throws `PassError` that names the first of the values, `weights`, which is no
  /// finite number, and `Cancelled`.
  func refuseWhatIsNotFinite(
    _ weights: Tensor, _ threads: Int, _ shouldStop: @Sendable () -> Bool
  ) throws {
    guard
      let summary = Statistics.summary(of: weights, threads: threads, shouldStop: shouldStop)
    else { throw Cancelled() }
    guard summary.finiteCount < summary.count else { return }
    let index = unsafe weights.withUnsafeValues { values in
      values.indices.first { unsafe !values[$0].isFinite } ?? 0
    }
    let (row, column) = index.quotientAndRemainder(dividingBy: max(shape.columns, 1))
    throw PassError("\(name) has a weight that is no finite number, at [\(row), \(column)]")
  }
}
