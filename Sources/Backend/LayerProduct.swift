internal import CKernels
package import Models
package import Tensors

/// The form in which a layer reads its inputs.
package enum InputForm: Hashable {
  /// f32, as they are.
  case plain
  /// bf16.
  case half
  /// Panels of such numbers.
  case panels(Numbers)
  /// One input, for rows in any form.
  case row
}

/// Inputs in the form a layer reads.
package enum ReadyInput {
  case plain
  case panels(Panels)
  case row(RowInput)
}

/// What a linear layer multiplies, and where the result goes.
@safe
package struct LayerProduct {
  /// What happens to it on its way out.
  package struct Finish {
    /// GELU, in either form.
    package var activation: ModelConfig.Activation?
    /// Adds to what is there instead of replacing it.
    package var adds = false
    /// Writes bf16.
    package var isHalf = false

    package init(
      activation: ModelConfig.Activation? = nil, adds: Bool = false, isHalf: Bool = false
    ) {
      (self.activation, self.adds, self.isHalf) = (activation, adds, isHalf)
    }
  }

  /// Inputs.
  package let count: Int
  /// `count × columns` of f32, or of bf16 where the layer multiplies that.
  package private(set) var input: UnsafeRawPointer
  package let output: UnsafeMutableRawPointer
  /// Values from the outputs of one input to the next one's.
  package let stride: Int
  package let finish: Finish
  /// The inputs made ready; `input` is then of f32.
  package private(set) var ready: ReadyInput

  package init(
    _ count: Int, _ input: UnsafeRawPointer, _ output: UnsafeMutableRawPointer, stride: Int,
    _ finish: Finish = Finish(), ready: ReadyInput = .plain
  ) {
    (self.count, self.stride, self.finish, self.ready) = (count, stride, finish, ready)
    unsafe self.input = unsafe input
    unsafe self.output = unsafe output
  }
}

// Products of layers whose inputs were made ready.
extension LayerProduct {
  /// Takes the inputs in the form its layer reads.
  package mutating func take(_ input: UnsafeRawPointer, _ ready: ReadyInput) {
    unsafe self.input = unsafe input
    self.ready = ready
  }

  /// Gives the outputs from `first` on that are the rows `rows` of `weights`, of some inputs, the
  /// first of them that of a panel, with all that `finish` says but bf16.
  package func apply(
    _ weights: Panels, rows: Range<Int>, bias: [Float]?, to first: Int, of inputs: Range<Int>,
    with hand: Hand
  ) {
    guard case .panels(let panels) = ready else { preconditionFailure("not in panels") }
    let target =
      unsafe output.assumingMemoryBound(to: Float.self) + inputs.lowerBound * stride + first
    unsafe Self.with(bias, at: first) { bias in
      unsafe weights.multiply(
        rows: rows, by: panels, inputs, into: target, stride: stride, bias: bias,
        adds: finish.adds, with: hand)
    }
    activate(first, rows.count, of: inputs)
  }

  /// Gives outputs from `first` on: the sums of products with one input, with all that `finish`
  /// says but bf16.
  package func put(
    _ sums: UnsafeMutablePointer<Float>, _ width: Int, bias: [Float]?, to first: Int
  ) {
    let target = unsafe output.assumingMemoryBound(to: Float.self) + first
    unsafe Self.with(bias, at: first) { bias in
      if let bias = unsafe bias { unsafe pare_sum(width, sums, bias, sums) }
    }
    if finish.adds {
      unsafe pare_sum(width, target, sums, target)
    } else {
      unsafe target.update(from: sums, count: width)
    }
    activate(first, width, of: 0..<1)
  }

  /// Applies the activation to some outputs.
  private func activate(_ first: Int, _ width: Int, of inputs: Range<Int>) {
    guard let function = finish.activation else { return }
    for input in inputs {
      let place = unsafe output.assumingMemoryBound(to: Float.self) + input * stride + first
      unsafe pare_activate(width, function.code, place, nil, place, 0)
    }
  }

  static func with(
    _ bias: [Float]?, at first: Int, _ body: (UnsafePointer<Float>?) -> Void
  ) {
    guard let bias else { return body(nil) }
    unsafe bias.withUnsafeBufferPointer { unsafe body($0.baseAddress.map { unsafe $0 + first }) }
  }
}
