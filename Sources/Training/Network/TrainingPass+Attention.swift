internal import CKernels
internal import Models
internal import Tensors
internal import Transformers

/// Causal attention of one sequence, equally wide heads at once, a tile of queries at a
/// time; keys behind the last query of a tile are left out of every product.
extension TrainingPass {
  func attend(
    _ sequence: Int, _ shape: BlockShape, _ kept: Activations.Block, _ dropout: Dropout,
    _ block: Int
  ) {
    let rule = dropout.rule(.attention, block: block, part: sequence)
    for run in shape.runs { attend(Places(self, sequence, shape, run, kept), kept, rule) }
  }

  private func attend(_ at: Places, _ kept: Activations.Block, _ rule: pare_dropout_rule) {
    let isDropping = rule.threshold > 0
    let (heads, head) = (at.run.heads, at.run.head)
    for start in stride(from: 0, to: length, by: TrainingPass.tile) {
      let rows = min(TrainingPass.tile, length - start)
      let seen = start + rows
      // Without keys all scores are 0.
      if head.keys == 0 {
        unsafe scores.floats.update(repeating: 0, count: heads.count * rows * padded)
      }
      unsafe engine.multiply(
        ProductSize(count: heads.count, m: rows, n: seen, k: head.keys),
        at.queries(from: start), at.keys(isTransposed: true),
        into: Operand(scores.floats, stride: padded, step: rows * padded),
        ProductForm(isHalf: isHalf))
      for index in 0..<heads.count {
        let row = (index * length + start) * padded
        let place = (heads.lowerBound * length) * padded + row
        unsafe pare_attention_softmax(
          rows, seen, start + 1, at.scale, rule, UInt32(truncatingIfNeeded: place),
          UInt32(truncatingIfNeeded: padded), scores.floats + index * rows * padded, padded,
          at.probabilities + row * size, padded,
          isDropping ? UnsafeMutableRawPointer(dropped.floats) + index * rows * padded * size : nil,
          padded, half)
      }
      let probabilities =
        unsafe isDropping
        ? Operand(dropped.floats, stride: padded, step: rows * padded)
        : at.probabilities(from: start)
      engine.multiply(
        ProductSize(count: heads.count, m: rows, n: head.values, k: seen), probabilities,
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
    let rule = dropout.rule(.attention, block: block, part: sequence)
    for run in shape.runs { attendBackward(Places(self, sequence, shape, run, kept), rule) }
  }

  private func attendBackward(_ at: Places, _ rule: pare_dropout_rule) {
    let (heads, head) = (at.run.heads, at.run.head)
    let form = ProductForm(isHalf: isHalf, isOutputHalf: isHalf)
    for start in stride(from: 0, to: length, by: TrainingPass.tile) {
      let rows = min(TrainingPass.tile, length - start)
      let seen = start + rows
      unsafe engine.multiply(
        ProductSize(count: heads.count, m: rows, n: seen, k: head.values),
        at.mixed(narrow, from: start), at.values(isTransposed: true),
        into: Operand(scores.floats, stride: padded, step: rows * padded),
        ProductForm(isHalf: isHalf))
      for index in 0..<heads.count {
        let row = (index * length + start) * padded
        unsafe pare_attention_backward(
          rows, seen, at.scale, rule, scores.floats + index * rows * padded, padded,
          at.probabilities + row * size,
          UnsafeMutableRawPointer(scoreGradient.floats) + row * size, padded, half)
      }
      engine.multiply(
        ProductSize(count: heads.count, m: rows, n: head.keys, k: seen),
        at.scores(from: start), at.keys(isTransposed: false),
        into: at.queryGradient(wide, from: start), form)
    }
    // Keys and values gather from the queries that saw them.
    for start in stride(from: 0, to: length, by: TrainingPass.tile) {
      let rows = min(TrainingPass.tile, length - start)
      engine.multiply(
        ProductSize(count: heads.count, m: rows, n: head.keys, k: length - start),
        at.scores(from: start, column: start, isTransposed: true), at.queries(from: start),
        into: at.keyGradient(wide, from: start), form)
      engine.multiply(
        ProductSize(count: heads.count, m: rows, n: head.values, k: length - start),
        at.probabilities(from: start, column: start, isTransposed: true),
        at.mixed(narrow, from: start), into: at.valueGradient(wide, from: start), form)
    }
  }
}

/// Where the matrices of one sequence's attention are, for heads of one width.
@safe
private struct Places {
  let run: BlockShape.Run
  /// Of the first of these heads.
  let probabilities: UnsafeMutableRawPointer
  /// What scores are multiplied by; that of the whole head, also where some of its
  /// channels are gone.
  let scale: Float
  private let pass: TrainingPass
  private let shape: BlockShape
  private let qkv: UnsafeRawPointer
  private let firstRow: Int

  init(
    _ pass: TrainingPass, _ sequence: Int, _ shape: BlockShape, _ run: BlockShape.Run,
    _ kept: Activations.Block
  ) {
    self.pass = pass
    self.shape = shape
    self.run = run
    firstRow = sequence * pass.length
    scale = 1 / Float(pass.configuration.headWidth).squareRoot()
    unsafe qkv = UnsafeRawPointer(kept.qkv.floats) + firstRow * shape.qkvWidth * pass.size
    let first = sequence * shape.heads.count + run.heads.lowerBound
    unsafe probabilities =
      UnsafeMutableRawPointer(kept.probabilities.floats)
      + first * pass.length * pass.padded * pass.size
  }

  private var keyStart: Int { shape.keyWidth + run.firstKey }
  private var valueStart: Int { shape.valueStart + run.firstValue }

  func queries(from row: Int) -> Operand {
    unsafe Operand(
      qkv + (row * shape.qkvWidth + run.firstKey) * pass.size, stride: shape.qkvWidth,
      step: run.head.keys)
  }

  func keys(isTransposed: Bool) -> Operand {
    unsafe Operand(
      qkv + keyStart * pass.size, stride: shape.qkvWidth, step: run.head.keys,
      isTransposed: isTransposed)
  }

  func values(isTransposed: Bool) -> Operand {
    unsafe Operand(
      qkv + valueStart * pass.size, stride: shape.qkvWidth, step: run.head.values,
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
      UnsafeRawPointer(buffer.floats)
        + ((firstRow + row) * shape.valueWidth + run.firstValue) * pass.size,
      stride: shape.valueWidth, step: run.head.values)
  }

  func queryGradient(_ buffer: AlignedBuffer, from row: Int) -> Operand {
    gradient(buffer, column: run.firstKey, width: run.head.keys, from: row)
  }

  func keyGradient(_ buffer: AlignedBuffer, from row: Int) -> Operand {
    gradient(buffer, column: keyStart, width: run.head.keys, from: row)
  }

  func valueGradient(_ buffer: AlignedBuffer, from row: Int) -> Operand {
    gradient(buffer, column: valueStart, width: run.head.values, from: row)
  }

  private func gradient(
    _ buffer: AlignedBuffer, column: Int, width: Int, from row: Int
  ) -> Operand {
    unsafe Operand(
      UnsafeRawPointer(buffer.floats)
        + ((firstRow + row) * shape.qkvWidth + column) * pass.size,
      stride: shape.qkvWidth, step: width)
  }
}
