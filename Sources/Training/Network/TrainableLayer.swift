internal import CKernels
internal import Tensors
internal import Transformers

/// A linear layer y = x·Wᵀ + b while it is trained, with the copy of W that
/// products read.
final class TrainableLayer {
  let weight: TrainableTensor
  let bias: TrainableTensor?
  /// bf16 weights; nil in f32, where products read the weights themselves.
  private let copy: AlignedBuffer?

  var rows: Int { weight.shape.rows }
  var columns: Int { weight.shape.columns }

  init(_ weight: TrainableTensor, bias: TrainableTensor?, isHalf: Bool) {
    self.weight = weight
    self.bias = bias
    copy = isHalf ? AlignedBuffer((weight.shape.count + 1) / 2) : nil
  }

  /// Makes the copy anew after the weights have changed.
  func refresh() {
    guard let copy else { return }
    unsafe pare_to_bf16(weight.shape.count, weight.start, copy.halves)
  }

  /// The matrix as products read it, `[out, in]`.
  func operand(isTransposed: Bool) -> Operand {
    let values =
      unsafe copy.map { unsafe UnsafeRawPointer($0.halves) }
      ?? UnsafeRawPointer(weight.start)
    return unsafe Operand(values, stride: columns, isTransposed: isTransposed)
  }
}

/// A layer norm while it is trained.
struct TrainableNorm {
  let weight: TrainableTensor?
  let bias: TrainableTensor?
}

/// One pre-norm transformer block while it is trained.
struct TrainableBlock {
  let attentionNorm: TrainableNorm
  let attention: TrainableLayer
  let attentionOutput: TrainableLayer
  let mlpNorm: TrainableNorm
  let mlp: TrainableLayer
  let mlpOutput: TrainableLayer
  let shape: BlockShape

  var layers: [TrainableLayer] { [attention, attentionOutput, mlp, mlpOutput] }
}

/// How wide a block is inside.
///
/// The rows of its attention layer are `heads × keyWidth` of queries, as many of
/// keys, and `heads × valueWidth` of values.
struct BlockShape {
  var heads: Int
  var keyWidth: Int
  var valueWidth: Int
  var hidden: Int
  /// Channels of the residual stream that each output layer writes; nil when all.
  var attentionOutputs: [Int32]?
  var mlpOutputs: [Int32]?

  /// Where keys and values begin in a row of attention's inputs.
  var keys: Int { heads * keyWidth }
  var valueStart: Int { 2 * heads * keyWidth }
  var qkvWidth: Int { 2 * heads * keyWidth + heads * valueWidth }
  var mixedWidth: Int { heads * valueWidth }
}
