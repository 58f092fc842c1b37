internal import CKernels
internal import Tensors
internal import Transformers

/// Causal attention of one sequence, all heads at once, a tile of queries at a time;
/// keys behind the last query of a tile are left out of every product.
extension TrainingPass {
  func attend(
    _ sequence: Int, _ shape: BlockShape, _ kept: Activations.Block, _ dropout: Dropout,
    _ block: Int
  ) {
    let at = Places(self, sequence, shape, kept)
    let rule = dropout.rule(.attention, block: block, part: sequence)
    let isDropping = rule.threshold > 0
    for start in stride(from: 0, to: length, by: TrainingPass.tile) {
      let rows = min(TrainingPass.tile, length - start)
      let seen = start + rows
      unsafe engine.multiply(
        ProductSize(count: shape.heads, m: rows, n: seen, k: shape.keyWidth),
        at.queries(from: start), at.keys(isTransposed: true),
        into: Operand(scores.floats, stride: padded, step: rows * padded),
        ProductForm(isHalf: isHalf))
      for head in 0..<shape.heads {
        let row = (head * length + start) * padded
        unsafe pare_attention_softmax(
          rows, seen, start + 1, at.scale, rule, UInt32(truncatingIfNeeded: row),
          UInt32(truncatingIfNeeded: padded), scores.floats + head * rows * padded, padded,
          at.probabilities + row * size, padded,
          isDropping ? UnsafeMutableRawPointer(dropped.floats) + head * rows * padded * size : nil,
          padded, half)
      }
      let probabilities =
        unsafe isDropping
        ? Operand(dropped.floats, stride: padded, step: rows * padded)
        : at.probabilities(from: start)
      engine.multiply(
        ProductSize(count: shape.heads, m: rows, n: shape.valueWidth, k: seen), probabilities,
        at.values(isTransposed: false), into: at.mixed(kept.mixed, from: start),
        ProductForm(isHalf: isHalf, isOutputHalf: isHalf))
    }
  }

  /// From the gradient of attention's results, in `narrow`, to that of queries, keys
  /// and values, in `wide`.
  func attendBackward(
    _ sequence: Int, _ shape: BlockShape, _ kept: Activations.Block, _ dropout: Dropout,
    _ block: Int
  ) {
    let at = Places(self, sequence, shape, kept)
    let rule = dropout.rule(.attention, block: block, part: sequence)
    let form = ProductForm(isHalf: isHalf, isOutputHalf: isHalf)
    for start in stride(from: 0, to: length, by: TrainingPass.tile) {
      let rows = min(TrainingPass.tile, length - start)
      let seen = start + rows
      unsafe engine.multiply(
        ProductSize(count: shape.heads, m: rows, n: seen, k: shape.valueWidth),
        at.mixed(narrow, from: start), at.values(isTransposed: true),
        into: Operand(scores.floats, stride: padded, step: rows * padded),
        ProductForm(isHalf: isHalf))
      for head in 0..<shape.heads {
        let row = (head * length + start) * padded
        unsafe pare_attention_backward(
          rows, seen, at.scale, rule, scores.floats + head * rows * padded, padded,
          at.probabilities + row * size,
          UnsafeMutableRawPointer(scoreGradient.floats) + row * size, padded, half)
      }
      engine.multiply(
        ProductSize(count: shape.heads, m: rows, n: shape.keyWidth, k: seen),
        at.scores(from: start), at.keys(isTransposed: false),
        into: at.gradient(wide, column: 0, width: shape.keyWidth, from: start), form)
    }
    // Keys and values gather from the queries that saw them.
    for start in stride(from: 0, to: length, by: TrainingPass.tile) {
      let rows = min(TrainingPass.tile, length - start)
      engine.multiply(
        ProductSize(count: shape.heads, m: rows, n: shape.keyWidth, k: length - start),
        at.scores(from: start, column: start, isTransposed: true), at.queries(from: start),
        into: at.gradient(wide, column: shape.keys, width: shape.keyWidth, from: start), form)
      engine.multiply(
        ProductSize(count: shape.heads, m: rows, n: shape.valueWidth, k: length - start),
        at.probabilities(from: start, column: start, isTransposed: true),
        at.mixed(narrow, from: start),
        into: at.gradient(wide, column: shape.valueStart, width: shape.valueWidth, from: start),
        form)
    }
  }
}

/// Where the matrices of one sequence's attention are.
@safe
private struct Places {
  let probabilities: UnsafeMutableRawPointer
  /// What scores are multiplied by; that of the whole head, also where some of its
  /// channels are gone.
  let scale: Float
  private let pass: TrainingPass
  private let shape: BlockShape
  private let qkv: UnsafeRawPointer
  private let firstRow: Int

  init(
    _ pass: TrainingPass, _ sequence: Int, _ shape: BlockShape, _ kept: Activations.Block
  ) {
    self.pass = pass
    self.shape = shape
    firstRow = sequence * pass.length
    scale = 1 / Float(pass.configuration.headWidth).squareRoot()
    unsafe qkv = UnsafeRawPointer(kept.qkv.floats) + firstRow * shape.qkvWidth * pass.size
    unsafe probabilities =
      UnsafeMutableRawPointer(kept.probabilities.floats)
      + sequence * shape.heads * pass.length * pass.padded * pass.size
  }

  func queries(from row: Int) -> Operand {
    unsafe Operand(
      qkv + row * shape.qkvWidth * pass.size, stride: shape.qkvWidth, step: shape.keyWidth)
  }

  func keys(isTransposed: Bool) -> Operand {
    unsafe Operand(
      qkv + shape.keys * pass.size, stride: shape.qkvWidth, step: shape.keyWidth,
      isTransposed: isTransposed)
  }

  func values(isTransposed: Bool) -> Operand {
    unsafe Operand(
      qkv + shape.valueStart * pass.size, stride: shape.qkvWidth, step: shape.valueWidth,
      isTransposed: isTransposed)
  }

  func probabilities(from row: Int, column: Int = 0, isTransposed: Bool = false) -> Operand {
    unsafe Operand(
      probabilities + (row * pass.padded + column) * pass.size, stride: pass.padded,
      step: pass.length * pass.padded, isTransposed: isTransposed)
  }

  func scores(from row: Int, column: Int = 0, isTransposed: Bool = false) -> Operand {
    unsafe Operand(
      UnsafeRawPointer(pass.scoreGradient.floats) + (row * pass.padded + column) * pass.size,
      stride: pass.padded, step: pass.length * pass.padded, isTransposed: isTransposed)
  }

  /// Attention's results, or their gradient.
  func mixed(_ buffer: AlignedBuffer, from row: Int) -> Operand {
    unsafe Operand(
      UnsafeRawPointer(buffer.floats) + (firstRow + row) * shape.mixedWidth * pass.size,
      stride: shape.mixedWidth, step: shape.valueWidth)
  }

  /// The gradient of queries, keys or values.
  func gradient(_ buffer: AlignedBuffer, column: Int, width: Int, from row: Int) -> Operand {
    unsafe Operand(
      UnsafeRawPointer(buffer.floats)
        + ((firstRow + row) * shape.qkvWidth + column) * pass.size,
      stride: shape.qkvWidth, step: width)
  }
}
