internal import Backend
internal import Models
internal import Tensors
internal import Transformers

/// A linear layer y = x·Wᵀ + b while it is trained, with the copy of W that
/// products read.
final class TrainableLayer: LinearWeights {
  let weight: TrainableTensor
  let bias: TrainableTensor?
  /// The bit depths its channels learn, under self-compression.
  let quantizer: ChannelQuantizer?
  let outputs: [Int32]?
  let isHalf: Bool
  /// Weights in bf16, or quantized; nil where products read the weights themselves.
  private let copy: AlignedBuffer?
  /// The copy of bf16 as products read it quickest.
  private let packed: PackedHalves?

  var rows: Int { weight.shape.rows }
  var columns: Int { weight.shape.columns }
  /// Each thread has texts of its own.
  var groupCount: Int { 1 }
  var keptByteCount: Int { 0 }

  init(
    _ weight: TrainableTensor, bias: TrainableTensor?, isHalf: Bool,
    quantizer: ChannelQuantizer? = nil, outputs: [Int32]? = nil
  ) {
    self.weight = weight
    self.bias = bias
    self.quantizer = quantizer
    self.outputs = outputs
    self.isHalf = isHalf
    let count = isHalf ? (weight.shape.count + 1) / 2 : weight.shape.count
    copy = isHalf || quantizer != nil ? AlignedBuffer(count) : nil
    packed =
      isHalf ? PackedHalves(rows: weight.shape.rows, columns: weight.shape.columns) : nil
  }

  func form(of count: Int) -> InputForm { isHalf ? .half : .plain }

  /// Makes the copy anew after the weights have changed.
  func refresh() {
    guard let copy else { return }
    if let quantizer {
      unsafe quantizer.quantize(weight, to: copy.floats, isHalf: isHalf)
    } else {
      unsafe Processor.round(weight.shape.count, weight.start, into: copy.halves)
    }
    unsafe packed?.pack(copy.halves)
  }

  /// The matrix as products read it, `[out, in]`.
  func operand(isTransposed: Bool) -> Operand {
    let values =
      unsafe copy.map { unsafe UnsafeRawPointer($0.floats) } ?? UnsafeRawPointer(weight.start)
    return unsafe Operand(
      values, stride: columns, isTransposed: isTransposed,
      packed: packed.map { unsafe $0.place(isTransposed: isTransposed) })
  }

  func multiply(group: Int, _ product: LayerProduct, with hand: Hand) {
    let isHalf = product.finish.isHalf
    if columns == 0 {
      for row in 0..<product.count {
        let output = unsafe product.output + row * product.stride * (isHalf ? 2 : 4)
        unsafe output.initializeMemory(as: UInt8.self, repeating: 0, count: rows * (isHalf ? 2 : 4))
      }
    }
    unsafe hand.engine.multiply(
      ProductSize(m: product.count, n: rows, k: columns),
      Operand(product.input, stride: columns), operand(isTransposed: true),
      into: Operand(product.output, stride: product.stride),
      ProductForm(isHalf: self.isHalf, isOutputHalf: isHalf))
    if let bias {
      unsafe Processor.addBias(
        product.count, rows, bias.start, stride: product.stride, to: product.output,
        isHalf: isHalf)
    }
  }

  /// What is left after channels are removed.
  func selecting(
    _ weight: TrainableTensor, _ selection: Selection, outputs: [Int32]?
  ) -> TrainableLayer {
    TrainableLayer(
      weight, bias: bias, isHalf: isHalf, quantizer: quantizer?.selecting(selection.rows),
      outputs: outputs)
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
    TrainableLayer(weight, bias: bias, isHalf: isHalf, quantizer: quantizer, outputs: outputs)
  }
}
