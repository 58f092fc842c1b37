internal import CKernels

/// One step of AdamW (`pare_adamw_step`).
package struct AdamWStep {
  var step: pare_adamw_step

  /// `correction1` is 1 − β₁ᵗ and `rootCorrection2` √(1 − β₂ᵗ) at step t; gradients are
  /// multiplied by `gradientScale` first.
  package init(
    rate: Float, beta1: Float, beta2: Float, epsilon: Float, decay: Float, correction1: Float,
    rootCorrection2: Float, gradientScale: Float
  ) {
    step = pare_adamw_step(
      rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon, decay: decay,
      correction1: correction1, root_correction2: rootCorrection2, gradient_scale: gradientScale)
  }
}

// What optimizers compute.
extension Processor {
  /// Moves weights, and the running means of their gradients and of the gradients' squares.
  package static func adamW(
    _ count: Int, _ step: AdamWStep, _ gradient: UnsafePointer<Float>,
    _ weights: UnsafeMutablePointer<Float>, _ first: UnsafeMutablePointer<Float>,
    _ second: UnsafeMutablePointer<Float>
  ) {
    unsafe withUnsafePointer(to: step.step) { step in
      unsafe pare_adamw(count, step, gradient, weights, first, second)
    }
  }

  /// The sum of squares; not finite where a value is not.
  package static func squaredNorm(_ count: Int, _ x: UnsafePointer<Float>) -> Double {
    var sum = 0.0
    unsafe pare_squared_norm(count, x, &sum)
    return sum
  }

  /// m ← momentum · m + scale · g, out ← scale · g + momentum · m.
  package static func nesterov(
    _ count: Int, scale: Float, momentum: Float, _ gradient: UnsafePointer<Float>,
    _ m: UnsafeMutablePointer<Float>, into out: UnsafeMutablePointer<Float>
  ) {
    unsafe pare_nesterov(count, scale, momentum, gradient, m, out)
  }

  /// out ← scale · x
  package static func scaled(
    _ count: Int, _ scale: Float, _ x: UnsafePointer<Float>, into out: UnsafeMutableRawPointer,
    isHalf: Bool
  ) {
    unsafe pare_scaled(count, scale, x, out, isHalf ? 1 : 0)
  }

  /// out ← a·I + b·x + c·y for square matrices; y is f32.
  package static func polynomial(
    _ width: Int, _ a: Float, _ b: Float, _ c: Float, _ x: UnsafeRawPointer,
    _ y: UnsafePointer<Float>, into out: UnsafeMutableRawPointer, isHalf: Bool
  ) {
    unsafe pare_polynomial(width, a, b, c, x, y, out, isHalf ? 1 : 0)
  }

  /// w ← w · (1 − shrink) − rate · x
  package static func descend(
    _ count: Int, shrink: Float, rate: Float, _ x: UnsafeRawPointer, isHalf: Bool,
    _ weights: UnsafeMutablePointer<Float>
  ) {
    unsafe pare_descend(count, shrink, rate, x, isHalf ? 1 : 0, weights)
  }
}
