internal import CKernels
package import Models

/// The one door to the kernels: what floors above compute that is no matrix product goes through
/// it, so that another machine can stand behind it. Each works on one thread.
package enum Processor {
  /// Layer normalization of rows of `width` values (`pare_layer_norm`).
  package static func layerNorm(
    _ rows: Int, _ width: Int, _ from: Values, weight: UnsafePointer<Float>?,
    bias: UnsafePointer<Float>?, epsilon: Float, into: Values
  ) {
    let output = unsafe into.place(0)
    unsafe pare_layer_norm(
      rows, width, from.floats(), weight, bias, epsilon,
      into.isHalf ? nil : output.assumingMemoryBound(to: Float.self),
      into.isHalf ? output.assumingMemoryBound(to: UInt16.self) : nil)
  }

  /// x / √(mean of squares + ε) · (weight + offset) of rows of `width` values.
  package static func rmsNorm(
    _ rows: Int, _ width: Int, _ from: Values, weight: UnsafePointer<Float>, offset: Float,
    epsilon: Float, into: Values
  ) {
    unsafe pare_rms_norm(
      rows, width, from.place(0), from.stride, from.half, weight, offset, epsilon, into.place(0),
      into.stride, into.half)
  }

  /// The same of `heads` neighbouring stretches of `width` values in each row.
  package static func headNorm(
    _ rows: Int, heads: Int, _ width: Int, _ from: Values, weight: UnsafePointer<Float>,
    offset: Float, epsilon: Float, into: Values
  ) {
    for row in 0..<rows {
      unsafe pare_rms_norm(
        heads, width, from.place(row), width, from.half, weight, offset, epsilon,
        into.place(row), width, into.half)
    }
  }

  /// into ← f(gate) · up, `count` values one after the other.
  package static func activate(
    _ count: Int, _ function: ModelConfig.Activation, gate: Values, up: Values?, into: Values
  ) {
    unsafe pare_activate(
      count, function.code, gate.place(0), up?.place(0), into.place(0), into.half)
  }

  /// f(gate) · up of one hidden channel.
  package static func activated(
    _ function: ModelConfig.Activation, _ gate: Float, _ up: Float?
  ) -> Float {
    var (gate, result) = (gate, Float(0))
    guard var up else {
      unsafe pare_activate(1, function.code, &gate, nil, &result, 0)
      return result
    }
    unsafe pare_activate(1, function.code, &gate, &up, &result, 0)
    return result
  }

  /// Turns pairs of channels of `heads` heads of one token, by the cosines and sines of its
  /// position; `back` the other way round.
  package static func turn(
    _ place: UnsafeMutableRawPointer, isHalf: Bool, heads: Int, width: Int, pairs: Int,
    isInterleaved: Bool, back: Bool = false, angles: UnsafePointer<Float>
  ) {
    unsafe pare_turn(
      heads, width, pairs, isInterleaved ? 1 : 0, back ? 1 : 0, angles, place, isHalf ? 1 : 0)
  }

  /// x ← scale · x
  package static func scale(_ count: Int, _ scale: Float, _ x: UnsafeMutablePointer<Float>) {
    unsafe pare_scale(count, scale, x)
  }

  /// x ← cap · tanh(x / cap)
  package static func cap(_ count: Int, _ cap: Float, _ x: UnsafeMutablePointer<Float>) {
    unsafe pare_cap(count, cap, x)
  }

  /// out ← a + b
  package static func sum(
    _ count: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    into out: UnsafeMutablePointer<Float>
  ) {
    unsafe pare_sum(count, a, b, out)
  }

  /// out ← out + scale · x
  package static func addScaled(
    _ count: Int, _ scale: Float, _ x: UnsafePointer<Float>,
    into out: UnsafeMutablePointer<Float>
  ) {
    unsafe pare_add_scaled(count, scale, x, out)
  }

  /// Adds a bias to each row, `width` values of f32.
  package static func addBias(
    _ rows: Int, _ width: Int, _ bias: UnsafePointer<Float>, stride: Int,
    to x: UnsafeMutablePointer<Float>
  ) {
    unsafe pare_add_bias(rows, width, x, stride, bias)
  }

  /// Rounds to bf16, to nearest, ties to even.
  package static func round(
    _ count: Int, _ x: UnsafePointer<Float>, into out: UnsafeMutablePointer<UInt16>
  ) {
    unsafe pare_to_bf16(count, x, out)
  }
}

// Attention.
extension Processor {
  /// One query over `count` keys, and values in the same rows. `scores` is room for `count`
  /// values.
  package static func attend(
    _ count: Int, keyWidth: Int, valueWidth: Int, query: UnsafePointer<Float>, keys: Values,
    values: Values, _ rule: AttentionRule, scores: UnsafeMutablePointer<Float>,
    into out: UnsafeMutablePointer<Float>
  ) {
    unsafe rule.with { rule in
      unsafe pare_attend(
        count, keyWidth, valueWidth, keys.stride, query, keys.place(0), values.place(0),
        keys.half, rule, scores, out)
    }
  }

  /// Softmax in place of scores that a window, a cap or a sink changes: row r sees the last
  /// `window` columns up to `first + r`, or all where it is 0.
  package static func windowSoftmax(
    _ rows: Int, _ columns: Int, stride: Int, first: Int, window: Int, scale: Float, cap: Float?,
    sink: Float?, _ scores: UnsafeMutablePointer<Float>
  ) {
    var value = sink ?? 0
    unsafe withUnsafePointer(to: &value) { value in
      unsafe pare_window_softmax(
        rows, columns, stride, first, window, scale, cap ?? 0, sink == nil ? nil : value, scores)
    }
  }
}

// Rows of logits, `width` values each.
extension Processor {
  /// Cross-entropies, in nats.
  package static func crossEntropy(
    _ rows: Int, _ width: Int, _ logits: UnsafePointer<Float>, targets: UnsafePointer<Int32>,
    into losses: UnsafeMutablePointer<Double>
  ) {
    unsafe pare_cross_entropy(rows, width, logits, targets, losses)
  }

  /// Kullback–Leibler divergences of q from p, in nats.
  package static func divergence(
    _ rows: Int, _ width: Int, _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>,
    into divergences: UnsafeMutablePointer<Double>
  ) {
    unsafe pare_divergence(rows, width, p, q, divergences)
  }

  /// The place of the largest value of each row.
  package static func largest(
    _ rows: Int, _ width: Int, _ x: UnsafePointer<Float>, into places: UnsafeMutablePointer<Int32>
  ) {
    unsafe pare_argmax(rows, width, x, places)
  }
}

extension ModelConfig.Activation {
  /// Its number among the kernels.
  var code: Int32 {
    switch self {
    case .silu: Int32(PARE_SILU)
    case .gelu: Int32(PARE_GELU)
    case .geluTanh: Int32(PARE_GELU_TANH)
    case .relu: Int32(PARE_RELU)
    case .clippedSwiGLU: Int32(PARE_CLIPPED_SWIGLU)
    }
  }
}
