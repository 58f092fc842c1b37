/// The levels a group of weights is rounded to: `scale × (code − zero)`.
struct Levels: Sendable, Hashable {
  var scale: Float
  var zero = 0
  let codes: ClosedRange<Int>
  let isBinary: Bool

  /// The same with another scale, held to what gives finite levels.
  func scaled(to scale: Float) -> Levels {
    var copy = self
    let reach = Float(max(abs(codes.lowerBound - zero), abs(codes.upperBound - zero), 1))
    let limit = (Float.greatestFiniteMagnitude / reach).nextDown
    copy.scale = min(max(scale, .leastNonzeroMagnitude), limit)
    return copy
  }

  /// The level nearest to a weight, halves to even; +0, never −0.
  @inline(__always)
  func nearest(to weight: Float) -> Float {
    if isBinary { return weight < 0 ? -scale : scale }
    return scale * code(of: weight) + 0
  }

  /// `code − zero` of the level nearest to a weight.
  @inline(__always)
  func code(of weight: Float) -> Float {
    let code = (weight / scale).rounded(.toNearestOrEven)
    return min(max(code, Float(codes.lowerBound - zero)), Float(codes.upperBound - zero))
  }
}

/// What a scale is made from.
struct GroupMeasure: Sendable, Hashable {
  var smallest: Float = 0
  var greatest: Float = 0
  var sumOfMagnitudes = 0.0
  /// Weights that are not pruned.
  var kept = 0
  /// Index in the layer of the first NaN or infinity.
  var firstNotFinite: Int?

  /// Largest magnitude.
  var largest: Float { max(-smallest, greatest) }
  var meanMagnitude: Float { kept == 0 ? 0 : Float(sumOfMagnitudes / Double(kept)) }
}

extension Quantize {
  /// The levels that need no search. A group of zeros gets the scale 1, and in
  /// binary, where only the scale itself can be 0, the scale 0.
  func firstLevels(_ measure: GroupMeasure) -> Levels {
    var levels = Levels(scale: 1, codes: codes, isBinary: isBinary)
    if isBinary {
      levels.scale = measure.meanMagnitude
      return levels
    }
    guard measure.largest > 0 else { return levels }
    switch scheme {
    case .ternary:
      return levels.scaled(to: scale == .mse ? measure.largest : measure.meanMagnitude)
    case .symmetric, .binary:
      return levels.scaled(to: step(spanning: Double(measure.largest), steps: codes.upperBound))
    case .affine:
      let low = Double(measure.smallest)
      let step = step(spanning: Double(measure.greatest) - low, steps: codes.upperBound)
      let zero = (-measure.smallest / step).rounded(.toNearestOrEven)
      levels.zero = min(max(Int(zero), 0), codes.upperBound)
      return levels.scaled(to: step)
    }
  }

  /// `span / steps`, and never so little that subnormal rounding clips.
  private func step(spanning span: Double, steps: Int) -> Float {
    let step = min(Float(span / Double(steps)), .greatestFiniteMagnitude)
    let isTooSmall = step < .leastNormalMagnitude && Double(step) * Double(steps) < span
    return isTooSmall ? step.nextUp : step
  }
}
