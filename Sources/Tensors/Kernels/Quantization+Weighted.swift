import CKernels

extension Quantization {
  /// The grid for a tensor's weights by the rule of least squares, where errors of column j count
  /// `importance[j]` times. Symmetric and affine levels, and ternary ones. nil when stopped.
  public static func grid(
    for tensor: Tensor, levels: Levels, groupSize: Int, importance: [Float],
    threads: Int = Parallel.defaultThreads, shouldStop: @Sendable () -> Bool = { false }
  ) -> QuantizationGrid? {
    let (rows, columns) = (tensor.shape.rows, tensor.shape.columns)
    precondition(importance.count == columns && groupSize > 0)
    precondition(levels != .binary)
    let fit = GridFit(tensor: tensor, mask: nil, levels: levels, rule: .leastSquares)
    let (isAffine, codes) = (fit.isAffine, fit.codes)
    let perRow = (columns + groupSize - 1) / groupSize
    var scales = [Float](repeating: 1, count: rows * perRow)
    var zeros = [Int32](repeating: 0, count: rows * perRow)
    let finished = unsafe scales.withUnsafeMutableBufferPointer { scales in
      unsafe zeros.withUnsafeMutableBufferPointer { zeros in
        let (scales, zeros) = unsafe (Shared(scales.baseAddress), Shared(zeros.baseAddress))
        return Parallel.forEach(count: rows, threads: threads, shouldStop: shouldStop) { row in
          unsafe tensor.withUnsafeValues { values in
            guard let values = values.baseAddress, let scales = unsafe scales.pointer,
              let zeros = unsafe zeros.pointer
            else { return }
            unsafe importance.withUnsafeBufferPointer { importance in
              unsafe pare_fit_groups(
                KernelLevel.best, values + row * columns, importance.baseAddress, columns,
                groupSize, isAffine ? 0 : 1, Int32(codes.lowerBound), Int32(codes.upperBound), 80,
                scales + row * perRow, zeros + row * perRow)
            }
          }
        }
      }
    }
    guard finished else { return nil }
    return QuantizationGrid(
      bits: fit.bits, codes: codes, groupSize: groupSize, scales: scales,
      zeros: isAffine ? zeros : [])
  }
}
