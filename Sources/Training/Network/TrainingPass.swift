internal import CKernels
internal import Models
internal import Tensors
internal import Transformers

/// The forward and backward pass of one thread over its share of a batch, a few
/// sequences at a time so that what it works on stays near.
///
/// In bf16 all activations and the operands of products are rounded; the residual
/// stream, its gradient, norms, softmax and all sums are f32.
final class TrainingPass {
  /// Tokens that are worked on at once, if sequences are shorter.
  private static let usualRows = 512
  /// Queries that attention works on at once, and keys in the backward pass.
  static let tile = 64

  let network: TrainingNetwork
  let configuration: ModelConfig
  let isHalf: Bool
  /// Tokens of a sequence, and the most sequences in this thread's share.
  let length: Int
  let share: Int
  /// Sequences that are worked on at once.
  private let chunk: Int
  /// Length of a row of attention probabilities.
  let padded: Int
  let engine: MatrixEngine
  let activations: Activations
  /// The sum of the losses of all tokens of the share.
  private(set) var loss = 0.0

  /// Gradients of the tensors; nil for the first thread, which writes into the
  /// tensors' own.
  private let gradients: [AlignedBuffer]?
  private var losses: [Double]
  /// Two pieces of `[rows, width]` of f32: a branch's result, and the gradient of
  /// the residual stream.
  let branch: AlignedBuffer
  let residual: AlignedBuffer
  /// Gradients of activations: as wide as the residual stream, as qkv, and as the
  /// hidden layer.
  let narrow: AlignedBuffer
  let wide: AlignedBuffer
  let hidden: AlignedBuffer
  private let logits: AlignedBuffer
  private let logitGradient: AlignedBuffer
  /// Of one tile of queries: scores `[heads, tile, padded]` of f32, and what dropout
  /// leaves of the probabilities.
  let scores: AlignedBuffer
  let dropped: AlignedBuffer
  /// Gradients of scores of one sequence, `[heads, length, padded]`.
  let scoreGradient: AlignedBuffer

  init(_ network: TrainingNetwork, share: Int, length: Int, isFirst: Bool) throws {
    self.network = network
    configuration = network.configuration
    isHalf = network.isHalf
    self.length = length
    self.share = share
    chunk = min(max(TrainingPass.usualRows / length, 1), share)
    padded = (length + 31) / 32 * 32
    engine = try MatrixEngine()
    activations = Activations(network, sequences: chunk, length: length, padded: padded)
    gradients = isFirst ? nil : network.tensors.map { AlignedBuffer($0.shape.count) }
    let rows = chunk * length
    let (width, vocabulary) = (configuration.width, configuration.vocabulary)
    let heads = network.blocks.map(\.shape.heads.count).max() ?? 0
    let widest = network.blocks.map { max($0.shape.qkvWidth, $0.shape.valueWidth) }.max() ?? 0
    losses = [Double](repeating: 0, count: rows)
    branch = AlignedBuffer(rows * width)
    residual = AlignedBuffer(rows * width)
    narrow = AlignedBuffer(rows * max(width, network.blocks.map(\.shape.valueWidth).max() ?? 0))
    wide = AlignedBuffer(rows * widest)
    hidden = AlignedBuffer(rows * (network.blocks.map(\.shape.hidden).max() ?? 0))
    logits = AlignedBuffer(rows * vocabulary)
    logitGradient = AlignedBuffer(rows * vocabulary)
    scores = AlignedBuffer(heads * TrainingPass.tile * padded)
    dropped = AlignedBuffer(heads * TrainingPass.tile * padded)
    scoreGradient = AlignedBuffer(heads * length * padded)
  }

  /// Bytes of an activation.
  var size: Int { isHalf ? 2 : 4 }
  var half: Int32 { isHalf ? 1 : 0 }

  /// Where this thread adds a tensor's gradient.
  func gradient(_ tensor: TrainableTensor) -> UnsafeMutablePointer<Float> {
    unsafe gradients.map { unsafe $0[tensor.index].floats }
      ?? tensor.gradient.baseAddress.unsafelyUnwrapped
  }

  /// Forgets the loss, and the gradients unless they are to be added to.
  func begin(keepsGradient: Bool) {
    loss = 0
    if keepsGradient { return }
    for tensor in network.tensors {
      unsafe gradient(tensor).update(repeating: 0, count: tensor.shape.count)
    }
  }

  /// Adds the loss and the gradients of the sequences of `range`. `scale` is what a
  /// token's loss counts in the mean.
  func run(
    _ inputs: [Int32], _ targets: [Int32], _ range: Range<Int>, length: Int, rate: Float,
    seed: UInt64, scale: Float
  ) throws {
    for first in stride(from: range.lowerBound, to: range.upperBound, by: chunk) {
      let sequences = min(chunk, range.upperBound - first)
      let tokens = first * length..<(first + sequences) * length
      let dropout = Dropout(rate: rate, seed: CounterHash.mix(seed ^ UInt64(first) << 32))
      forward(inputs[tokens], sequences, dropout)
      head(targets[tokens], scale: scale)
      backward(inputs[tokens], sequences, dropout)
      try engine.check()
    }
  }

  private func forward(_ tokens: ArraySlice<Int32>, _ sequences: Int, _ dropout: Dropout) {
    let rows = tokens.count
    embed(tokens, dropout)
    for (index, block) in network.blocks.enumerated() {
      let kept = activations.blocks[index]
      let isLast = index + 1 == network.blocks.count
      let next = isLast ? activations.finalInput : activations.blocks[index + 1].attentionInput
      norm(block.attentionNorm, rows, kept.attentionInput, kept.attentionNormed)
      linear(block.attention, rows, kept.attentionNormed, kept.qkv)
      for sequence in 0..<sequences { attend(sequence, block.shape, kept, dropout, index) }
      branch(
        block.attentionOutput, rows, kept.mixed, block.outputs.attention,
        dropout.rule(.attentionOutput, block: index), kept.attentionInput, kept.mlpInput)
      norm(block.mlpNorm, rows, kept.mlpInput, kept.mlpNormed)
      linear(block.mlp, rows, kept.mlpNormed, kept.hidden)
      unsafe pare_gelu_forward(
        rows * block.shape.hidden, kept.hidden.floats, tanhForm, kept.activated.floats, half)
      branch(
        block.mlpOutput, rows, kept.activated, block.outputs.mlp,
        dropout.rule(.mlpOutput, block: index), kept.mlpInput, next)
    }
    norm(network.finalNorm, rows, activations.finalInput, activations.finalNormed)
  }

  var tanhForm: Int32 { configuration.activation == .geluTanh ? 1 : 0 }

  private func embed(_ tokens: ArraySlice<Int32>, _ dropout: Dropout) {
    let width = configuration.width
    let target =
      network.blocks.isEmpty
      ? activations.finalInput : activations.blocks[0].attentionInput
    for (row, token) in tokens.enumerated() {
      unsafe pare_sum(
        width, network.tokenEmbedding.start + Int(token) * width,
        network.positionEmbedding.start + row % length * width, target.floats + row * width)
    }
    unsafe pare_dropout(tokens.count * width, dropout.rule(.embedding), target.floats)
  }

  private func norm(
    _ norm: TrainableNorm, _ rows: Int, _ input: AlignedBuffer, _ output: AlignedBuffer
  ) {
    unsafe pare_layer_norm(
      rows, configuration.width, input.floats, norm.weight?.start, norm.bias?.start,
      configuration.normEpsilon, isHalf ? nil : output.floats, isHalf ? output.halves : nil)
  }

  /// Activations to activations.
  private func linear(
    _ layer: TrainableLayer, _ rows: Int, _ input: AlignedBuffer, _ output: AlignedBuffer
  ) {
    unsafe engine.multiply(
      ProductSize(m: rows, n: layer.rows, k: layer.columns),
      Operand(input.floats, stride: layer.columns), layer.operand(isTransposed: true),
      into: Operand(output.floats, stride: layer.rows),
      ProductForm(isHalf: isHalf, isOutputHalf: isHalf))
    if let bias = layer.bias {
      unsafe pare_bias_forward(rows, layer.rows, layer.rows, bias.start, output.floats, half)
    }
  }

  /// output ← input + dropout(x·Wᵀ + b) on the residual stream.
  private func branch(
    _ layer: TrainableLayer, _ rows: Int, _ x: AlignedBuffer, _ outputs: [Int32]?,
    _ rule: pare_dropout_rule, _ input: AlignedBuffer, _ output: AlignedBuffer
  ) {
    if layer.rows == 0 || (layer.columns == 0 && layer.bias == nil) {
      unsafe output.floats.update(from: input.floats, count: rows * configuration.width)
      return
    }
    if layer.columns == 0 {
      unsafe branch.floats.update(repeating: 0, count: rows * layer.rows)
    }
    unsafe engine.multiply(
      ProductSize(m: rows, n: layer.rows, k: layer.columns),
      Operand(x.floats, stride: layer.columns), layer.operand(isTransposed: true),
      into: Operand(branch.floats, stride: layer.rows), ProductForm(isHalf: isHalf))
    if let bias = layer.bias {
      unsafe pare_bias_forward(rows, layer.rows, layer.rows, bias.start, branch.floats, 0)
    }
    unsafe withIndex(outputs) { index in
      unsafe pare_add_branch(
        rows, configuration.width, layer.rows, index, rule, input.floats, branch.floats,
        output.floats)
    }
  }

  func withIndex(_ index: [Int32]?, _ body: (UnsafePointer<Int32>?) -> Void) {
    guard let index else { return body(nil) }
    unsafe index.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
  }

  /// Logits, their loss, and the gradient of the last norm's result, in `narrow`.
  private func head(_ targets: ArraySlice<Int32>, scale: Float) {
    let (rows, layer) = (targets.count, network.head)
    unsafe engine.multiply(
      ProductSize(m: rows, n: layer.rows, k: layer.columns),
      Operand(activations.finalNormed.floats, stride: layer.columns),
      layer.operand(isTransposed: true), into: Operand(logits.floats, stride: layer.rows),
      ProductForm(isHalf: isHalf))
    unsafe targets.withUnsafeBufferPointer { targets in
      unsafe losses.withUnsafeMutableBufferPointer { losses in
        unsafe pare_cross_entropy_gradient(
          rows, layer.rows, logits.floats, targets.baseAddress.unsafelyUnwrapped, scale,
          losses.baseAddress.unsafelyUnwrapped, logitGradient.floats, half)
      }
    }
    for row in 0..<rows { loss += losses[row] }
    weightGradient(layer, rows, logitGradient, activations.finalNormed)
    inputGradient(layer, rows, logitGradient, narrow)
  }
}
