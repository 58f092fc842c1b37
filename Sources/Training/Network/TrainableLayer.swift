internal import CKernels
internal import Models
internal import Tensors
internal import Transformers

/// A linear layer y = x·Wᵀ + b while it is trained, with the copy of W that
/// products read.
final class TrainableLayer {
  let weight: TrainableTensor
  let bias: TrainableTensor?
  /// The bit depths its channels learn, under self-compression.
  let quantizer: ChannelQuantizer?
  private let isHalf: Bool
  /// Weights in bf16, or quantized; nil where products read the weights themselves.
  private let copy: AlignedBuffer?

  var rows: Int { weight.shape.rows }
  var columns: Int { weight.shape.columns }

  init(
    _ weight: TrainableTensor, bias: TrainableTensor?, isHalf: Bool,
    quantizer: ChannelQuantizer? = nil
  ) {
    self.weight = weight
    self.bias = bias
    self.quantizer = quantizer
    self.isHalf = isHalf
    let count = isHalf ? (weight.shape.count + 1) / 2 : weight.shape.count
    copy = isHalf || quantizer != nil ? AlignedBuffer(count) : nil
  }

  /// Makes the copy anew after the weights have changed.
  func refresh() {
    guard let copy else { return }
    if let quantizer {
      unsafe quantizer.quantize(weight, to: copy.floats, isHalf: isHalf)
    } else {
      unsafe pare_to_bf16(weight.shape.count, weight.start, copy.halves)
    }
  }

  /// The matrix as products read it, `[out, in]`.
  func operand(isTransposed: Bool) -> Operand {
    let values =
      unsafe copy.map { unsafe UnsafeRawPointer($0.floats) } ?? UnsafeRawPointer(weight.start)
    return unsafe Operand(values, stride: columns, isTransposed: isTransposed)
  }

  /// What is left after channels are removed.
  func selecting(
    _ weight: TrainableTensor, bias: TrainableTensor?, _ selection: Selection
  ) -> TrainableLayer {
    TrainableLayer(
      weight, bias: bias, isHalf: isHalf, quantizer: quantizer?.selecting(selection.rows))
  }

  /// What products read, under self-compression: all channels of the parameter, those
  /// that are gone 0, and the grid its values lie on.
  func quantized() -> (values: Tensor, grid: QuantizationGrid)? {
    guard let quantizer else { return nil }
    let buffer = AlignedBuffer(weight.shape.count)
    unsafe quantizer.quantize(weight, to: buffer.floats, isHalf: false)
    let whole = weight.wholeShape
    var depths = [Float](repeating: 0, count: whole.rows)
    var exponents = depths
    for (index, row) in (weight.selection.rows ?? Array(0..<whole.rows)).enumerated() {
      depths[row] = quantizer.depths.values[index]
      exponents[row] = quantizer.exponents.values[index]
    }
    return (
      unsafe weight.whole(UnsafePointer(buffer.floats)),
      QuantizationGrid(depths: depths, exponents: exponents, columns: whole.columns)
    )
  }

  /// The same layer learning bit depths.
  func quantized(by quantizer: ChannelQuantizer) -> TrainableLayer {
    TrainableLayer(weight, bias: bias, isHalf: isHalf, quantizer: quantizer)
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
  var attention: TrainableLayer
  var attentionOutput: TrainableLayer
  let mlpNorm: TrainableNorm
  var mlp: TrainableLayer
  var mlpOutput: TrainableLayer
  var shape: BlockShape
  var outputs = OutputChannels()

  var layers: [TrainableLayer] { [attention, attentionOutput, mlp, mlpOutput] }

  mutating func replaceLayers(_ change: (Int, TrainableLayer) -> TrainableLayer) {
    attention = change(0, attention)
    attentionOutput = change(1, attentionOutput)
    mlp = change(2, mlp)
    mlpOutput = change(3, mlpOutput)
  }
}

/// Channels of the residual stream that a block's two output layers write; nil where
/// they write all.
struct OutputChannels {
  var attention: [Int32]?
  var mlp: [Int32]?
}
