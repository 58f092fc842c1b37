internal import CKernels
package import Models

/// Which values dropout takes away (Srivastava et al., 2014): a hash of the seed and a value's
/// number decides, so that the backward pass asks it again.
package struct DropoutRule {
  let rule: pare_dropout_rule
  /// Whether any goes.
  package var isDropping: Bool { rule.threshold > 0 }

  /// Nothing goes.
  package static let none = DropoutRule(
    rule: pare_dropout_rule(seed: 0, threshold: 0, scale: 1))

  /// A share `rate`, 0..<1, goes.
  package init(rate: Float, seed: UInt32) {
    let threshold = UInt32(min(Double(rate) * 0x1p32, 0x1p32 - 1))
    rule = pare_dropout_rule(seed: seed, threshold: threshold, scale: 1 / (1 - rate))
  }

  private init(rule: pare_dropout_rule) { self.rule = rule }
}

// What training computes beside running.
extension Processor {
  package static func drop(_ count: Int, _ rule: DropoutRule, _ x: UnsafeMutablePointer<Float>) {
    unsafe pare_dropout(count, rule.rule, x)
  }

  /// into ← x + dropout(branch): rows of `width` f32 values. The branch has `live` columns, which
  /// belong to the columns `outputs` of x; nil means all in order.
  package static func addBranch(
    _ rows: Int, _ width: Int, live: Int, outputs: [Int32]?, _ rule: DropoutRule, _ x: Values,
    _ branch: Values, into: Values
  ) {
    if live == 0 {
      return unsafe into.floats().update(from: x.floats(), count: rows * width)
    }
    unsafe withIndex(outputs) { index in
      unsafe pare_add_branch(
        rows, width, live, index, rule.rule, x.floats(), branch.floats(), branch.stride,
        into.floats())
    }
  }

  /// The gradient of the branch above, from that of the sum.
  package static func branchGradient(
    _ rows: Int, _ width: Int, live: Int, outputs: [Int32]?, _ rule: DropoutRule,
    _ gradient: Values, into: Values
  ) {
    guard live > 0 else { return }
    unsafe withIndex(outputs) { index in
      unsafe pare_branch_gradient(
        rows, width, live, index, rule.rule, gradient.floats(), into.place(0), into.stride,
        into.half)
    }
  }

  private static func withIndex(
    _ index: [Int32]?, _ body: (UnsafePointer<Int32>?) -> Void
  ) {
    guard let index else { return body(nil) }
    unsafe index.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
  }

  /// Adds a bias to each row.
  package static func addBias(
    _ rows: Int, _ width: Int, _ bias: UnsafePointer<Float>, stride: Int,
    to x: UnsafeMutableRawPointer, isHalf: Bool
  ) {
    unsafe pare_bias_forward(rows, width, stride, bias, x, isHalf ? 1 : 0)
  }

  /// Adds the columns' sums to a bias's gradient.
  package static func biasGradient(
    _ rows: Int, _ width: Int, _ gradient: Values, into sums: UnsafeMutablePointer<Float>
  ) {
    unsafe pare_bias_backward(
      rows, width, gradient.stride, gradient.place(0), gradient.half, sums)
  }

  /// Causal softmax of f32 scores, which it overwrites: row r sees `seen + r` of `columns` columns.
  /// Probabilities go to `kept`, negative if dropped, and after dropout to `out`. For dropout,
  /// value c of row r is number `first + r · step + c`.
  package static func keepSoftmax(
    _ rows: Int, _ columns: Int, seen: Int, scale: Float, _ rule: DropoutRule, first: Int,
    step: Int, _ scores: UnsafeMutablePointer<Float>, kept: UnsafeMutableRawPointer,
    out: UnsafeMutableRawPointer?, stride: Int, isHalf: Bool
  ) {
    unsafe pare_attention_softmax(
      rows, columns, seen, scale, rule.rule, UInt32(truncatingIfNeeded: first),
      UInt32(truncatingIfNeeded: step), scores, stride, kept, stride, out, stride, isHalf ? 1 : 0)
  }

  /// The same of probabilities that are computed already.
  package static func keep(
    _ rows: Int, _ columns: Int, _ rule: DropoutRule, first: Int, step: Int,
    _ probabilities: UnsafePointer<Float>, kept: UnsafeMutableRawPointer,
    out: UnsafeMutableRawPointer?, stride: Int, isHalf: Bool
  ) {
    unsafe pare_keep_probabilities(
      rows, columns, rule.rule, UInt32(truncatingIfNeeded: first),
      UInt32(truncatingIfNeeded: step), probabilities, stride, kept, stride, out, stride,
      isHalf ? 1 : 0)
  }

  /// From the gradient of probabilities to that of scores before they were scaled; `kept` becomes
  /// the probabilities after dropout.
  package static func softmaxGradient(
    _ rows: Int, _ columns: Int, scale: Float, _ rule: DropoutRule,
    _ gradient: UnsafePointer<Float>, kept: UnsafeMutableRawPointer,
    into scores: UnsafeMutableRawPointer, stride: Int, isHalf: Bool
  ) {
    unsafe pare_attention_backward(
      rows, columns, scale, rule.rule, gradient, stride, kept, scores, stride, isHalf ? 1 : 0)
  }

  /// Where scores `x` went through cap · tanh(scale · x / cap) before softmax.
  package static func capGradient(
    _ rows: Int, _ columns: Int, scale: Float, cap: Float, _ x: UnsafePointer<Float>,
    into gradient: UnsafeMutableRawPointer, stride: Int, isHalf: Bool
  ) {
    unsafe pare_cap_backward(
      rows, columns, scale, cap, x, stride, gradient, stride, isHalf ? 1 : 0)
  }

  /// Adds to the gradient of a layer norm's input, of f32, and to those of its weight and bias.
  package static func layerNormGradient(
    _ rows: Int, _ width: Int, _ input: Values, weight: UnsafePointer<Float>?, epsilon: Float,
    _ gradient: Values, into inputGradient: Values, weightGradient: UnsafeMutablePointer<Float>?,
    biasGradient: UnsafeMutablePointer<Float>?
  ) {
    unsafe pare_layer_norm_backward(
      rows, width, input.floats(), weight, epsilon, gradient.place(0), gradient.half,
      inputGradient.floats(), weightGradient, biasGradient)
  }

  /// The gradient of the input of an RMS norm, added to `inputGradient` or instead of it; adds to
  /// that of its weight.
  package static func rmsNormGradient(
    _ rows: Int, _ width: Int, _ input: Values, weight: UnsafePointer<Float>, offset: Float,
    epsilon: Float, _ gradient: Values, into inputGradient: Values, adds: Bool,
    weightGradient: UnsafeMutablePointer<Float>
  ) {
    unsafe pare_rms_norm_backward(
      rows, width, input.place(0), input.stride, input.half, weight, offset, epsilon,
      gradient.place(0), gradient.stride, gradient.half, inputGradient.place(0),
      inputGradient.stride, inputGradient.half, adds ? 1 : 0, weightGradient)
  }

  /// The same of `heads` neighbouring stretches of `width` values in each row, in place.
  package static func headNormGradient(
    _ rows: Int, heads: Int, _ width: Int, _ input: Values, weight: UnsafePointer<Float>,
    offset: Float, epsilon: Float, _ gradient: Values,
    weightGradient: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<rows {
      unsafe pare_rms_norm_backward(
        heads, width, input.place(row), width, input.half, weight, offset, epsilon,
        gradient.place(row), width, gradient.half, gradient.place(row), width, gradient.half, 0,
        weightGradient)
    }
  }

  /// The gradient of f(gate) · up becomes that of the gate; that of up goes to `upGradient`.
  package static func activationGradient(
    _ count: Int, _ function: ModelConfig.Activation, gate: Values, up: Values?,
    _ gradient: Values, upGradient: Values?
  ) {
    unsafe pare_activate_backward(
      count, function.code, gate.place(0), up?.place(0), gradient.place(0), upGradient?.place(0),
      gradient.half)
  }

  /// Cross-entropies of rows of logits, in nats, and their gradient by the logits times `scale`.
  package static func crossEntropyGradient(
    _ rows: Int, _ width: Int, _ logits: UnsafePointer<Float>, targets: UnsafePointer<Int32>,
    scale: Float, losses: UnsafeMutablePointer<Double>, into gradient: Values
  ) {
    unsafe pare_cross_entropy_gradient(
      rows, width, logits, targets, scale, losses, gradient.place(0), gradient.half)
  }

  /// x ← scale · x, `count` values one after the other.
  package static func scale(_ count: Int, _ scale: Float, _ x: Values) {
    unsafe pare_logit_backward(count, scale, 0, nil, x.place(0), x.half)
  }

  /// Copies values, or rounds them.
  package static func copy(
    _ count: Int, _ x: UnsafePointer<Float>, into out: UnsafeMutableRawPointer, isHalf: Bool
  ) {
    if isHalf {
      unsafe pare_to_bf16(count, x, out.assumingMemoryBound(to: UInt16.self))
    } else {
      unsafe out.assumingMemoryBound(to: Float.self).update(from: x, count: count)
    }
  }

  /// The gradient of logits before they were scaled and capped, which gave `logits`.
  package static func logitGradient(
    _ count: Int, scale: Float, cap: Float?, _ logits: UnsafePointer<Float>, _ gradient: Values
  ) {
    unsafe pare_logit_backward(count, scale, cap ?? 0, logits, gradient.place(0), gradient.half)
  }
}

// Channels on whole codes (`ChannelDepth`).
extension Processor {
  /// scale · rint(clamp(w / scale, codes)).
  package static func quantize(
    _ count: Int, _ weights: UnsafePointer<Float>, scale: Float, codes: ClosedRange<Float>,
    into out: UnsafeMutableRawPointer, isHalf: Bool
  ) {
    unsafe pare_depth_quantize(
      count, weights, scale, codes.lowerBound, codes.upperBound, out, isHalf ? 1 : 0)
  }

  /// The squared error of that.
  package static func quantizationError(
    _ count: Int, _ weights: UnsafePointer<Float>, scale: Float, codes: ClosedRange<Float>
  ) -> Double {
    unsafe pare_depth_error(count, weights, scale, codes.lowerBound, codes.upperBound)
  }

  /// Turns the gradient by quantized weights into that by the weights; gives those by depth and
  /// exponent (`pare_depth_gradient`).
  package static func depthGradient(
    _ count: Int, _ weights: UnsafePointer<Float>, scale: Float, depth: Float,
    _ gradient: UnsafeMutablePointer<Float>
  ) -> (depth: Double, exponent: Double) {
    var sums = (0.0, 0.0)
    unsafe withUnsafeMutablePointer(to: &sums) { sums in
      unsafe pare_depth_gradient(
        count, weights, scale, depth, gradient,
        UnsafeMutableRawPointer(sums).assumingMemoryBound(to: Double.self))
    }
    return sums
  }
}
