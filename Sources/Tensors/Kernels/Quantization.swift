import CKernels

/// Rounding weights to a grid, and choosing the grid.
public enum Quantization {
  /// Which points a group's weights may take.
  public enum Levels: Sendable, Hashable {
    /// 2^bits points s·q, q from −2^(bits−1) to 2^(bits−1)−1; bits 2…8.
    case symmetric(bits: Int)
    /// 2^bits points s·(q − z), q from 0 to 2^bits−1, 0 among them; bits 1…8.
    case affine(bits: Int)
    /// −s, 0 and s.
    case ternary
    /// −s and s.
    case binary
  }

  /// How a group's scale is found.
  public enum ScaleRule: Sendable, Hashable {
    /// From the extremes, so that no weight is clipped. Ternary: s is the mean |w|
    /// (Ma et al., BitNet b1.58, 2024). Binary: s is the mean |w|, which is already
    /// the least squares' one (Rastegari et al., XNOR-Net, 2016).
    case largestMagnitude
    /// The scale of least squared error: the best of 80 shrinkings of the former by
    /// 1 % each, from which scale and codes are fitted in turn. Ternary: of 65 scales
    /// from the mean to the largest |w|, which leads to the threshold and scale of
    /// Li and Liu (Ternary Weight Networks, 2016).
    case leastSquares
  }

  /// A quantized tensor and what it cost.
  public struct Quantized: Sendable {
    /// The weights on the grid.
    public let tensor: Tensor
    /// Σ (w − w′)² over the finite weights.
    public let squaredError: Double
  }

  /// The grid for a tensor's weights: `groupSize` consecutive weights of a row
  /// share a scale; `columns` for one a channel; nil for one a tensor. nil when
  /// stopped. Bits are held to their range. Weights that `mask` prunes must be 0;
  /// they are left out of means. A group of zeros gets scale 1, binary 0.
  public static func grid(
    for tensor: Tensor, mask: Mask? = nil, levels: Levels, groupSize: Int?, rule: ScaleRule,
    threads: Int = Parallel.defaultThreads, shouldStop: @Sendable () -> Bool = { false }
  ) -> QuantizationGrid? {
    let size = max(groupSize ?? tensor.shape.count, 1)
    let layout = GroupLayout(tensor.shape, groupSize: size, perTensor: groupSize == nil)
    let fit = GridFit(tensor: tensor, mask: mask, levels: levels, rule: rule)
    var scales = [Float](repeating: 1, count: layout.count)
    var zeros = [Int32](repeating: 0, count: layout.count)
    let finished = unsafe scales.withUnsafeMutableBufferPointer { scales in
      unsafe zeros.withUnsafeMutableBufferPointer { zeros in
        let (scales, zeros) = unsafe (Shared(scales), Shared(zeros))
        return layout.forEach(
          stretch: fit.stretch, threads: threads, shouldStop: shouldStop
        ) { group, threads in
          let range = layout.range(group)
          let figures = GroupLayout.figures(
            of: tensor, range, threads: threads, shouldStop: shouldStop)
          let found = fit.fit(range, figures, threads: threads, shouldStop: shouldStop)
          unsafe scales.pointer[group] = found.scale
          unsafe zeros.pointer[group] = found.zero
        }
      }
    }
    guard finished else { return nil }
    return QuantizationGrid(
      bits: fit.bits, codes: fit.codes, groupSize: layout.groupSize, scales: scales,
      zeros: fit.isAffine ? zeros : [], isBinary: levels == .binary)
  }

  /// Rounds a tensor's weights to a grid:
  /// w′ = s (clamp(rint(w / s) + z, codes) − z), ties to even; binary: −s for
  /// negative weights, s for all others. Where there are bit depths, a row has
  /// its own codes. NaN stays. nil when stopped.
  /// Precondition: the grid has the scales that the tensor's shape needs.
  public static func apply(
    _ grid: QuantizationGrid, to tensor: Tensor, threads: Int = Parallel.defaultThreads,
    shouldStop: @Sendable () -> Bool = { false }
  ) -> Quantized? {
    let perTensor = grid.groupSize == tensor.shape.count
    let layout = GroupLayout(tensor.shape, groupSize: max(grid.groupSize, 1), perTensor: perTensor)
    precondition(grid.scales.count == layout.count, "one scale a group")
    precondition(grid.zeros.isEmpty || grid.zeros.count == layout.count, "one zero a group")
    var errors = [Double](repeating: 0, count: layout.count)
    var finished = true
    let result = unsafe Tensor(tensor.shape) { out in
      let out = unsafe Shared(out.baseAddress)
      unsafe errors.withUnsafeMutableBufferPointer { errors in
        let errors = unsafe Shared(errors)
        finished = layout.forEach(threads: threads, shouldStop: shouldStop) { group, threads in
          let parts = GroupLayout.pieces(
            of: layout.range(group), 0.0, threads: threads, shouldStop: shouldStop
          ) { piece in
            unsafe round(tensor, piece, to: grid, group, out.pointer)
          }
          unsafe errors.pointer[group] = parts.reduce(0, +)
        }
      }
    }
    return finished ? Quantized(tensor: result, squaredError: errors.reduce(0, +)) : nil
  }

  /// Rounds some weights of one group; returns their squared error.
  private static func round(
    _ tensor: Tensor, _ range: Range<Int>, to grid: QuantizationGrid, _ group: Int,
    _ out: UnsafeMutablePointer<Float>?
  ) -> Double {
    unsafe tensor.withUnsafeValues { values in
      guard let source = values.baseAddress, let out = unsafe out else { return 0 }
      let (from, to) = unsafe (source + range.lowerBound, out + range.lowerBound)
      if grid.isBinary {
        return unsafe pare_ternarize(
          KernelLevel.best, from, range.count, grid.scales[group], -1, to)
      }
      let codes = grid.codeRange(ofRow: group)
      return unsafe pare_quantize(
        KernelLevel.best, from, range.count, grid.scales[group],
        grid.zeros.isEmpty ? 0 : Float(grid.zeros[group]), Float(codes.lowerBound),
        Float(codes.upperBound), to)
    }
  }
}
