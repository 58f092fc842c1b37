package import Jobs
package import Tensors

/// What a pass makes of one layer's weights; it throws `Cancelled` when stopped.
/// What it leaves alone it gives back as it is.
package typealias Change =
  @Sendable (
    _ weights: Weights, _ threads: Int, _ shouldStop: @Sendable () -> Bool
  ) throws -> Weights

extension Weights {
  /// Weights no mask has pruned.
  var keptCount: Int { mask?.keptCount ?? values.shape.count }
}

extension Parameter {
  /// The values, read on the job's threads. Throws `Cancelled` once the job is to
  /// stop, and what reading throws.
  package func weights(in job: borrowing JobContext) throws -> Tensor {
    try loaded(in: job).values
  }

  /// The same with grid and mask.
  package func loaded(in job: borrowing JobContext) throws -> Weights {
    try present(threads: job.threads, shouldStop: job.shouldStop)
  }

  /// The same for code that cannot borrow the context.
  func present(threads: Int, shouldStop: @Sendable () -> Bool) throws -> Weights {
    do {
      return try loaded(threads: threads, shouldStop: shouldStop)
    } catch {
      if shouldStop() { throw Cancelled() }
      throw error
    }
  }

  /// The same parameter with changed weights: made now and kept, or `lazily` each
  /// time they are read, so that a model larger than memory can be worked on. It is
  /// the very same where the values are. Throws `Cancelled` and what `change` throws.
  package func changed(
    lazily: Bool, threads: Int, shouldStop: @Sendable () -> Bool, by change: @escaping Change
  ) throws -> Parameter {
    if lazily {
      return deferring { threads, shouldStop in
        try change(
          self.present(threads: threads, shouldStop: shouldStop), threads, shouldStop)
      }
    }
    let before = try present(threads: threads, shouldStop: shouldStop)
    let after = try change(before, threads, shouldStop)
    return after.values.isIdentical(to: before.values)
      ? self : replacing(after)
  }
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
