internal import Backend
internal import Tensors

/// The bit depths and exponents that the output channels of one matrix learn
/// (Cséfalvay and Imber, arXiv 2301.13142), their gradients, and what Adam remembers.
final class ChannelQuantizer {
  /// Weights of a channel in the whole network, which the size term counts.
  let fanIn: Int
  /// Values of one kind, one a channel.
  struct Learned {
    var values: [Float]
    var gradients: [Float]
    var first: [Float]
    var second: [Float]

    init(_ values: [Float]) {
      self.values = values
      gradients = values.map { _ in 0 }
      first = gradients
      second = gradients
    }

    func selecting(_ rows: [Int]) -> Learned {
      var left = Learned(rows.map { values[$0] })
      left.gradients = rows.map { gradients[$0] }
      left.first = rows.map { first[$0] }
      left.second = rows.map { second[$0] }
      return left
    }
  }

  var depths: Learned
  var exponents: Learned

  init(fanIn: Int, depths: Learned, exponents: Learned) {
    self.fanIn = fanIn
    self.depths = depths
    self.exponents = exponents
  }

  /// All channels at one depth, each with the exponent of least squared error.
  convenience init(_ weight: TrainableTensor, depth: Float) {
    let exponents = (0..<weight.shape.rows).map {
      ChannelQuantizer.bestExponent(weight, row: $0, depth: depth)
    }
    self.init(
      fanIn: weight.wholeShape.columns,
      depths: Learned([Float](repeating: depth, count: weight.shape.rows)),
      exponents: Learned(exponents))
  }

  func selecting(_ rows: [Int]?) -> ChannelQuantizer {
    guard let rows else { return self }
    return ChannelQuantizer(
      fanIn: fanIn, depths: depths.selecting(rows), exponents: exponents.selecting(rows))
  }

  func isDead(_ row: Int) -> Bool { !(depths.values[row] > 0) }

  /// Quantized weights, f32 or bf16.
  func quantize(_ weight: TrainableTensor, to target: UnsafeMutableRawPointer, isHalf: Bool) {
    let columns = weight.shape.columns
    let rowBytes = columns * (isHalf ? 2 : 4)
    for row in 0..<weight.shape.rows {
      let codes = ChannelDepth.codes(of: depths.values[row])
      unsafe Processor.quantize(
        columns, weight.start + row * columns,
        scale: ChannelDepth.scale(ofExponent: exponents.values[row]),
        codes: Float(codes.lowerBound)...Float(codes.upperBound), into: target + row * rowBytes,
        isHalf: isHalf)
    }
  }

  /// Turns the gradient by the quantized weights into that by the weights, the depths
  /// and the exponents; each bit of a weight costs `price`.
  func convertGradients(_ weight: TrainableTensor, price: Double) {
    let columns = weight.shape.columns
    let gradient = unsafe weight.gradient.baseAddress.unsafelyUnwrapped
    for row in 0..<weight.shape.rows {
      let at = row * columns
      if isDead(row) {
        unsafe (gradient + at).update(repeating: 0, count: columns)
        depths.gradients[row] = 0
        exponents.gradients[row] = 0
        continue
      }
      let sums = unsafe Processor.depthGradient(
        columns, weight.start + at, scale: ChannelDepth.scale(ofExponent: exponents.values[row]),
        depth: depths.values[row], gradient + at)
      depths.gradients[row] = Float(sums.depth + price * Double(fanIn))
      exponents.gradients[row] = Float(sums.exponent)
    }
  }

  /// The exponent of least squared error among steps of 1/20 about that of the
  /// largest magnitude.
  private static func bestExponent(
    _ weight: TrainableTensor, row: Int, depth: Float
  ) -> Float {
    let columns = weight.shape.columns
    let values = unsafe UnsafeBufferPointer(start: weight.start + row * columns, count: columns)
    let largest = unsafe values.reduce(Float(0)) { max($0, abs($1)) }
    guard largest > 0, largest.isFinite else { return 0 }
    let codes = ChannelDepth.codes(of: depth)
    let reach = Float(max(codes.upperBound, 1))
    let top = 20 * exponent(of: largest / reach)
    var best = (error: Double.infinity, exponent: Float(0))
    for step in -60...10 {
      let exponent = ((top + Float(step)).rounded()) / 20
      let error = unsafe Processor.quantizationError(
        columns, weight.start + row * columns, scale: ChannelDepth.scale(ofExponent: exponent),
        codes: Float(codes.lowerBound)...Float(codes.upperBound))
      if error < best.error { best = (error, exponent) }
    }
    return best.exponent
  }

  /// log2 to a hundredth or so, which is all that a search about it needs.
  private static func exponent(of value: Float) -> Float {
    Float(value.exponent) + (value.significand - 1)
  }
}
