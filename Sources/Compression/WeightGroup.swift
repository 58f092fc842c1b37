internal import Jobs
internal import Tensors

/// Weights that share a scale, somewhere in a layer.
///
/// Sums are taken in runs of `runLength`, each in order, so that they never
/// depend on the number of threads.
@safe
struct WeightGroup: ~Copyable {
  private let values: UnsafeBufferPointer<Float>
  /// Index of the first weight in the layer.
  private let start: Int
  private let mask: Mask?
  private let shouldStop: () -> Bool

  /// Weights worked on between two looks at the stop flag.
  private static let runLength = 1 << 16
  /// Scales that are tried: this many, evenly spaced, down to nearly 0.
  private static let trials = 64

  init(
    values: UnsafeBufferPointer<Float>, start: Int, mask: Mask?, shouldStop: @escaping () -> Bool
  ) {
    unsafe self.values = values
    self.start = start
    self.mask = mask
    self.shouldStop = shouldStop
  }

  func measure() throws -> GroupMeasure {
    var measure = GroupMeasure()
    try runs { run in
      for index in run {
        let weight = unsafe values[index]
        if !weight.isFinite, measure.firstNotFinite == nil {
          measure.firstNotFinite = start + index
        }
        measure.smallest = min(measure.smallest, weight)
        measure.greatest = max(measure.greatest, weight)
        measure.sumOfMagnitudes += Double(abs(weight))
        if isKept(index) { measure.kept += 1 }
      }
    }
    return measure
  }

  /// Writes the level nearest to each weight, 0 for pruned ones, to `out`.
  func write(_ levels: Levels, into out: UnsafeMutablePointer<Float>) throws {
    try runs { run in
      for index in run {
        let level = unsafe levels.nearest(to: values[index])
        unsafe (out + index).initialize(to: isKept(index) ? level : 0)
      }
    }
  }

  /// The levels of least squared error that a search from `first` finds: the
  /// best of evenly smaller scales, then codes and scale fitted in turn until
  /// nothing is gained. Never worse than `first`. Large groups are searched on
  /// an evenly spaced sample and fitted on all.
  func refined(from first: Levels) throws -> Levels {
    let stride = unsafe max(1, values.count / Self.runLength)
    var best = first
    var least = Double.infinity
    for trial in 0..<Self.trials {
      let share = Float(Self.trials - trial) / Float(Self.trials)
      let levels = first.scaled(to: first.scale * share)
      let error = try fit(levels, every: stride).error
      if error < least { (best, least) = (levels, error) }
    }
    return try fitted(best, atMost: fit(first, every: 1).error) ?? first
  }

  /// Fits scale to codes and codes to scale in turn; nil if that never gets
  /// below `limit`.
  private func fitted(_ start: Levels, atMost limit: Double) throws -> Levels? {
    var best: Levels?
    var least = limit
    var levels = start
    for _ in 0..<Self.trials {
      let fit = try fit(levels, every: 1)
      guard fit.error < least else { break }
      (best, least) = (levels, fit.error)
      guard fit.codeSquares > 0 else { break }
      levels = levels.scaled(to: Float(fit.products / fit.codeSquares))
    }
    return best
  }

  /// Σ(w − level)², Σ w·code and Σ code² over every `stride`-th weight; the
  /// quotient of the latter two is the best scale for those codes.
  private func fit(
    _ levels: Levels, every stride: Int
  ) throws -> (error: Double, products: Double, codeSquares: Double) {
    var error = 0.0
    var products = 0.0
    var codeSquares = 0.0
    try runs { run in
      for index in Swift.stride(from: run.lowerBound, to: run.upperBound, by: stride) {
        let weight = unsafe values[index]
        let code = levels.code(of: weight)
        let difference = Double(weight - levels.scale * code)
        error += difference * difference
        products += Double(weight) * Double(code)
        codeSquares += Double(code) * Double(code)
      }
    }
    return (error, products, codeSquares)
  }

  @inline(__always)
  private func isKept(_ index: Int) -> Bool { mask?[start + index] ?? true }

  /// All weights in runs; throws `Cancelled` between two of them when asked.
  private func runs(_ body: (Range<Int>) throws -> Void) throws {
    for first in Swift.stride(from: 0, to: unsafe values.count, by: Self.runLength) {
      if shouldStop() { throw Cancelled() }
      try body(first..<min(first + Self.runLength, unsafe values.count))
    }
  }
}
