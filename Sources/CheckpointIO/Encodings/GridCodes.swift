internal import Tensors

/// Codes of values on a grid (`QuantizationGrid` has the equation).
enum GridCodes {
  /// Whether the grid's groups cover a tensor and its codes fit their bits.
  static func fits(_ grid: QuantizationGrid, _ shape: Shape) -> Bool {
    guard !grid.hasDepths, (1...8).contains(grid.bits), grid.groupSize > 0,
      grid.codes.upperBound - grid.codes.lowerBound < 1 << grid.bits
    else { return false }
    let groups = GridLayout(grid).groups(in: shape)
    return grid.scales.count == groups && (grid.zeros.isEmpty || grid.zeros.count == groups)
  }

  /// Which values a grid gives back bit for bit.
  enum Reach { case none, kept, all }

  /// Tries `value(code(x))` on every value x.
  static func reach(of grid: QuantizationGrid, over tensor: Tensor, kept: Mask) -> Reach {
    guard fits(grid, tensor.shape) else { return .none }
    let isTensor = GridLayout(grid).isPerTensor(tensor.shape)
    var missesPruned = false
    let reachesKept = unsafe tensor.withUnsafeValues { values in
      forEachGroup(grid, tensor.shape, isTensor) { range, group in
        let codec = GroupCodec(grid, group)
        var difference: UInt32 = 0
        for index in range {
          let value = unsafe values[index]
          let missing = codec.value(codec.code(value)).bitPattern ^ value.bitPattern
          if missing != 0, value.bitPattern == 0, !kept[index] {
            missesPruned = true
          } else {
            difference |= missing
          }
        }
        return difference == 0
      }
    }
    return reachesKept ? missesPruned ? .kept : .all : .none
  }

  /// The codes from 0 up, one a byte.
  static func codes(_ grid: QuantizationGrid, _ tensor: Tensor) -> [UInt8] {
    let isTensor = GridLayout(grid).isPerTensor(tensor.shape)
    return unsafe [UInt8](unsafeUninitializedCapacity: tensor.shape.count) { target, count in
      unsafe tensor.withUnsafeValues { values in
        _ = forEachGroup(grid, tensor.shape, isTensor) { range, group in
          let codec = GroupCodec(grid, group)
          for index in range {
            unsafe target.initializeElement(at: index, to: codec.code(values[index]))
          }
          return true
        }
      }
      count = tensor.shape.count
    }
  }

  /// The values of codes, one a byte.
  static func tensor(_ codes: [UInt8], _ grid: QuantizationGrid, _ shape: Shape) -> Tensor {
    let isTensor = GridLayout(grid).isPerTensor(shape)
    return unsafe Tensor(shape) { target in
      _ = forEachGroup(grid, shape, isTensor) { range, group in
        let codec = GroupCodec(grid, group)
        for index in range {
          unsafe target.initializeElement(at: index, to: codec.value(codes[index]))
        }
        return true
      }
    }
  }

  /// Calls `body` with the values of each group until it says false.
  @inline(__always)
  private static func forEachGroup(
    _ grid: QuantizationGrid, _ shape: Shape, _ isPerTensor: Bool,
    _ body: (Range<Int>, Int) -> Bool
  ) -> Bool {
    if isPerTensor { return body(0..<shape.count, 0) }
    var group = 0
    for row in 0..<shape.rows {
      let end = (row + 1) * shape.columns
      var start = row * shape.columns
      while start < end {
        let next = min(start + grid.groupSize, end)
        guard body(start..<next, group) else { return false }
        group += 1
        start = next
      }
    }
    return true
  }
}

/// Code and value of one group: unsigned codes count from `codes.lowerBound`.
private struct GroupCodec {
  private let scale: Float
  /// Added to a stored code: `codes.lowerBound − zero`.
  private let shift: Float
  private let highest: Float
  private let isBinary: Bool

  init(_ grid: QuantizationGrid, _ group: Int) {
    scale = grid.scales[group]
    let zero = grid.zeros.isEmpty ? 0 : Float(grid.zeros[group])
    shift = Float(grid.codes.lowerBound) - zero
    highest = Float(grid.codes.upperBound - grid.codes.lowerBound)
    isBinary = grid.isBinary
  }

  @inline(__always)
  func code(_ value: Float) -> UInt8 {
    if isBinary { return value.sign == scale.sign ? 1 : 0 }
    let quotient = value / scale
    // 1.5 × 2²³: its sum with a small number is rounded to an integer.
    let rounded = quotient + 0x1.8p23 - 0x1.8p23
    let code = rounded - shift
    return code >= 0 && code <= highest ? UInt8(code) : 0
  }

  @inline(__always)
  func value(_ code: UInt8) -> Float {
    if isBinary { return code == 0 ? -scale : scale }
    return scale * (Float(code) + shift)
  }
}
