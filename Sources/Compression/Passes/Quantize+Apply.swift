public import Jobs
public import Tensors

extension Quantize {
  public func apply(
    to parameters: Parameters, layers: LayerSelection, in job: borrowing JobContext
  ) throws -> Parameters {
    try validate()
    let chosen = layers.of(parameters).filter { $0.shape.count > 0 }
    var changed: [Parameter] = []
    for (index, parameter) in chosen.enumerated() {
      job.progress(Double(index) / Double(chosen.count), parameter.place.path)
      try job.checkpoint()
      changed.append(try quantized(parameter, shouldStop: job.shouldStop))
    }
    job.progress(1)
    return parameters.replacing(changed)
  }

  private func quantized(
    _ parameter: Parameter, shouldStop: @escaping () -> Bool
  ) throws -> Parameter {
    let groups = self.groups(of: parameter.shape)
    var scales = [Float](repeating: 0, count: groups.count)
    var zeros = [Int32](repeating: 0, count: scheme == .affine ? groups.count : 0)
    let weights = try parameter.tensor()
    let values = unsafe try Tensor(parameter.shape) { out in
      unsafe try weights.withUnsafeValues { weights in
        for index in 0..<groups.count {
          let range = groups[index]
          let group = unsafe WeightGroup(
            values: UnsafeBufferPointer(rebasing: weights[range]), start: range.lowerBound,
            mask: parameter.mask, shouldStop: shouldStop)
          let level = try self.level(of: group, in: parameter)
          scales[index] = level.scale
          if scheme == .affine { zeros[index] = Int32(level.zero) }
          unsafe try group.write(level, into: out.baseAddress! + range.lowerBound)
        }
      }
    }
    let size = granularity == .tensor ? parameter.shape.count : groups.size
    let grid = QuantizationGrid(
      bits: codeBits, codes: codes, groupSize: size, scales: scales, zeros: zeros,
      isBinary: isBinary)
    return parameter.replacing(values, grid: grid, mask: parameter.mask)
  }

  /// The levels that fit a group.
  private func level(of group: borrowing WeightGroup, in parameter: Parameter) throws -> Levels {
    let measure = try group.measure()
    if let bad = measure.firstNotFinite {
      let (row, column) = bad.quotientAndRemainder(dividingBy: max(parameter.shape.columns, 1))
      throw PassError(
        "\(parameter.name) has a weight that is no finite number, at [\(row), \(column)]")
    }
    let start = firstLevels(measure)
    guard scale == .mse, !isBinary, measure.largest > 0 else { return start }
    return try group.refined(from: start)
  }
}
