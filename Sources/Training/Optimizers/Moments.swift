internal import Backend
internal import Transformers

/// What AdamW remembers about some values: running means of their gradients and of
/// the gradients' squares.
final class Moments {
  let count: Int
  let first: AlignedBuffer
  let second: AlignedBuffer

  /// All 0.
  init(count: Int) {
    self.count = count
    first = .zeros(count)
    second = .zeros(count)
  }

  /// Takes step number `step`, from 1, for a stretch of the values. `factor` is the
  /// schedule's, `gradientScale` is what gradients are multiplied by.
  func update(
    _ stretch: Range<Int>, _ values: UnsafeMutablePointer<Float>,
    _ gradient: UnsafePointer<Float>, _ rule: AdamW, decays: Bool, step: Int, factor: Float,
    gradientScale: Float
  ) {
    let kernel = rule.kernel(
      step: step, factor: factor, decays: decays, gradientScale: gradientScale)
    let start = stretch.lowerBound
    unsafe Processor.adamW(
      stretch.count, kernel, gradient + start, values + start, first.floats + start,
      second.floats + start)
  }
}

extension AdamW {
  /// The kernel's view of step number `step`, from 1.
  func kernel(step: Int, factor: Float, decays: Bool, gradientScale: Float) -> AdamWStep {
    func correction(_ beta: Float) -> Double {
      var (power, base, rest) = (1.0, Double(beta), max(step, 1))
      while rest > 0 {
        if rest & 1 == 1 { power *= base }
        base *= base
        rest >>= 1
      }
      return 1 - power
    }
    return AdamWStep(
      rate: rate * factor, beta1: beta1, beta2: beta2, epsilon: epsilon,
      decay: decays ? decay : 0, correction1: Float(correction(beta1)),
      rootCorrection2: Float(correction(beta2).squareRoot()), gradientScale: gradientScale)
  }
}

extension AlignedBuffer {
  /// `count` values of 0.
  static func zeros(_ count: Int) -> AlignedBuffer {
    let buffer = AlignedBuffer(count)
    unsafe buffer.floats.initialize(repeating: 0, count: count)
    return buffer
  }
}
