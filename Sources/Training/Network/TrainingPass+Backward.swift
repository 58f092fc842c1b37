internal import CKernels
internal import Models
internal import Tensors
internal import Transformers

extension TrainingPass {
  /// From the gradient of the last norm's result, in `narrow`, back to the tokens.
  func backward(_ tokens: ArraySlice<Int32>, _ sequences: Int, _ dropout: Dropout) {
    let (rows, width) = (tokens.count, configuration.width)
    unsafe residual.floats.update(repeating: 0, count: rows * width)
    normGradient(network.finalNorm, rows, activations.finalInput)
    for (index, block) in network.blocks.enumerated().reversed() {
      let kept = activations.blocks[index]
      branchGradient(
        block.mlpOutput, rows, block.outputs.mlp,
        dropout.rule(.mlpOutput, block: index), kept.activated, hidden)
      unsafe pare_gelu_backward(
        rows * block.shape.hidden, kept.hidden.floats, tanhForm, hidden.floats, half)
      weightGradient(block.mlp, rows, hidden, kept.mlpNormed)
      inputGradient(block.mlp, rows, hidden, narrow)
      normGradient(block.mlpNorm, rows, kept.mlpInput)
      branchGradient(
        block.attentionOutput, rows, block.outputs.attention,
        dropout.rule(.attentionOutput, block: index), kept.mixed, narrow)
      for sequence in 0..<sequences { attendBackward(sequence, block.shape, kept, dropout, index) }
      weightGradient(block.attention, rows, wide, kept.attentionNormed)
      inputGradient(block.attention, rows, wide, narrow)
      normGradient(block.attentionNorm, rows, kept.attentionInput)
    }
    embeddingGradient(tokens, dropout)
  }

  /// The gradient of a branch's input, and those of its layer.
  private func branchGradient(
    _ layer: TrainableLayer, _ rows: Int, _ outputs: [Int32]?, _ rule: pare_dropout_rule,
    _ input: AlignedBuffer, _ result: AlignedBuffer
  ) {
    unsafe withIndex(outputs) { index in
      unsafe pare_branch_gradient(
        rows, configuration.width, layer.rows, index, rule, residual.floats, branch.floats, half)
    }
    weightGradient(layer, rows, branch, input)
    inputGradient(layer, rows, branch, result)
  }

  /// dW += dYᵀ·x, and the bias's.
  func weightGradient(
    _ layer: TrainableLayer, _ rows: Int, _ gradient: AlignedBuffer, _ input: AlignedBuffer
  ) {
    unsafe engine.multiply(
      ProductSize(m: layer.rows, n: layer.columns, k: rows),
      Operand(gradient.floats, stride: layer.rows, isTransposed: true),
      Operand(input.floats, stride: layer.columns),
      into: Operand(self.gradient(layer.weight), stride: layer.columns),
      ProductForm(isHalf: isHalf, adds: true))
    if let bias = layer.bias {
      unsafe pare_bias_backward(
        rows, layer.rows, layer.rows, gradient.floats, half, self.gradient(bias))
    }
  }

  /// dX = dY·W.
  func inputGradient(
    _ layer: TrainableLayer, _ rows: Int, _ gradient: AlignedBuffer, _ result: AlignedBuffer
  ) {
    if layer.rows == 0 {
      unsafe result.floats.update(repeating: 0, count: rows * layer.columns)
      return
    }
    unsafe engine.multiply(
      ProductSize(m: rows, n: layer.columns, k: layer.rows),
      Operand(gradient.floats, stride: layer.rows), layer.operand(isTransposed: false),
      into: Operand(result.floats, stride: layer.columns),
      ProductForm(isHalf: isHalf, isOutputHalf: isHalf))
  }

  /// Adds to the residual stream's gradient that of the norm whose result's gradient
  /// is in `narrow`.
  private func normGradient(_ norm: TrainableNorm, _ rows: Int, _ input: AlignedBuffer) {
    unsafe pare_layer_norm_backward(
      rows, configuration.width, input.floats, norm.weight?.start, configuration.normEpsilon,
      narrow.floats, half, residual.floats, norm.weight.map { unsafe gradient($0) },
      norm.bias.map { unsafe gradient($0) })
  }

  private func embeddingGradient(_ tokens: ArraySlice<Int32>, _ dropout: Dropout) {
    let width = configuration.width
    unsafe pare_dropout(tokens.count * width, dropout.rule(.embedding), residual.floats)
    for (row, token) in tokens.enumerated() {
      let from = unsafe residual.floats + row * width
      let word = unsafe gradient(network.tokenEmbedding) + Int(token) * width
      let position = unsafe gradient(network.positionEmbedding) + row % length * width
      unsafe pare_sum(width, word, from, word)
      unsafe pare_sum(width, position, from, position)
    }
  }
}
