import CheckpointIO
import Tensors
import TestSupport
import Testing

/// Tensors made for the tests, seeded.
enum Samples {
  static let place = Place(block: nil, layer: "a", role: .other)

  static func parameter(_ name: String, _ dtype: DType, _ tensor: Tensor) -> Parameter {
    Parameter(name: name, shape: tensor.shape, dtype: dtype, place: place, load: { tensor })
  }

  /// Values that `dtype` holds exactly.
  static func tensor(
    _ dtype: DType, _ shape: Shape, seed: UInt64, name: String = "a"
  ) -> Parameter {
    var random = SplitMix64(seed: seed)
    let values = (0..<shape.count).map { _ -> Float in
      let code = Float(Int.random(in: -7...7, using: &random))
      return switch dtype {
      case .f32, .f64: Float.random(in: -1...1, using: &random)
      case .f16, .bf16, .f8e4m3: code / 8
      case .f8e5m2: Float(Int.random(in: -4...4, using: &random)) / 4
      case .i64, .i32, .i16, .i8: code
      case .u8: abs(code)
      case .bool: code > 0 ? 1 : 0
      }
    }
    return parameter(name, dtype, Tensor(shape, values))
  }

  /// One kind of tensor and the encoding that must win for it.
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let encoding: String
    let shape: Shape
    var dtype = DType.f32
    var grid: Grid?
    /// Of 10 values this many are pruned.
    var pruned = 0
    var special: [Float] = []
  }

  struct Grid: Sendable {
    let bits: Int
    let codes: ClosedRange<Int>
    let groupSize: Int
    var hasZeros = false
    var isBinary = false
  }

  static let cases = [
    Case(testDescription: "no grid, nothing pruned", encoding: "dense", shape: [64, 48]),
    Case(testDescription: "half pruned", encoding: "bitmap", shape: [64, 48], pruned: 5),
    Case(
      testDescription: "half pruned, bf16", encoding: "bitmap", shape: [64, 48], dtype: .bf16,
      pruned: 5),
    Case(
      testDescription: "half pruned, NaN, infinity and −0 kept", encoding: "bitmap",
      shape: [64, 48], pruned: 5, special: [.nan, .infinity, -0.0, .leastNonzeroMagnitude]),
    Case(
      testDescription: "8 bits per channel", encoding: "packed", shape: [64, 48],
      grid: Grid(bits: 8, codes: -127...127, groupSize: 48)),
    Case(
      testDescription: "4 bits in groups that do not divide the row", encoding: "packed",
      shape: [64, 50], grid: Grid(bits: 4, codes: -8...7, groupSize: 16)),
    Case(
      testDescription: "3 bits per tensor", encoding: "packed", shape: [64, 50],
      grid: Grid(bits: 3, codes: -4...3, groupSize: 3200)),
    Case(
      testDescription: "5 bits affine", encoding: "packed", shape: [65, 33],
      grid: Grid(bits: 5, codes: 0...31, groupSize: 33, hasZeros: true)),
    Case(
      testDescription: "ternary", encoding: "packed", shape: [64, 50],
      grid: Grid(bits: 2, codes: -1...1, groupSize: 50)),
    Case(
      testDescription: "binary", encoding: "packed", shape: [64, 50],
      grid: Grid(bits: 1, codes: 0...1, groupSize: 50, isBinary: true)),
    Case(
      testDescription: "binary and pruned", encoding: "bitmap+packed", shape: [64, 50],
      grid: Grid(bits: 1, codes: 0...1, groupSize: 50, isBinary: true), pruned: 6),
    Case(
      testDescription: "4 bits and pruned", encoding: "bitmap+packed", shape: [64, 48],
      grid: Grid(bits: 4, codes: -8...7, groupSize: 16), pruned: 7),
    Case(
      testDescription: "4 bits affine, a vector", encoding: "packed", shape: [3000],
      grid: Grid(bits: 4, codes: 0...15, groupSize: 100, hasZeros: true)),
    Case(
      testDescription: "8 bits, but one value off the grid", encoding: "dense", shape: [64, 48],
      grid: Grid(bits: 8, codes: -127...127, groupSize: 48), special: [0.123456]),
    Case(
      testDescription: "4 bits, but one value is −0", encoding: "bitmap", shape: [64, 48],
      grid: Grid(bits: 4, codes: -8...7, groupSize: 48), special: [-0.0]),
    Case(testDescription: "no values", encoding: "dense", shape: [0, 8]),
    Case(testDescription: "one number", encoding: "dense", shape: []),
  ]
}

extension Samples.Case {
  func parameter(seed: UInt64) -> Parameter {
    var random = SplitMix64(seed: seed)
    let grid = grid.map { made($0, &random) }
    var values = (0..<shape.count).map { value(at: $0, grid, &random) }
    for (index, value) in special.enumerated() { values[index * 2 + 1] = value }
    let tensor = Tensor(shape, values)
    return Parameter(
      name: "a", shape: shape, dtype: dtype, place: Samples.place, grid: grid,
      load: { tensor })
  }

  func facts(_ parameter: Parameter) throws -> TensorFacts {
    let kept = try parameter.tensor().array.count { $0.bitPattern != 0 }
    return TensorFacts(
      count: shape.count, keptCount: kept, dtype: dtype,
      grid: parameter.grid.map { grid in
        TensorFacts.Grid(
          bits: grid.bits, groups: grid.scales.count, scaleType: .f32,
          zeroType: grid.zeros.isEmpty ? nil : .u8, coversPruned: !grid.isBinary)
      })
  }

  private func made(
    _ grid: Samples.Grid, _ random: inout SplitMix64
  ) -> QuantizationGrid {
    let perRow = (shape.columns + grid.groupSize - 1) / grid.groupSize
    let groups = grid.groupSize >= shape.count ? 1 : shape.rows * perRow
    return QuantizationGrid(
      bits: grid.bits, codes: grid.codes, groupSize: grid.groupSize,
      scales: (0..<groups).map { _ in Float.random(in: 0.01...0.1, using: &random) },
      zeros: grid.hasZeros
        ? (0..<groups).map { _ in Int32.random(in: 0...Int32(grid.codes.upperBound), using: &random)
        }
        : [],
      isBinary: grid.isBinary)
  }

  private func value(
    at index: Int, _ grid: QuantizationGrid?, _ random: inout SplitMix64
  ) -> Float {
    let isPruned = Int.random(in: 0..<10, using: &random) < pruned
    let free = Float.random(in: 0.1...1, using: &random)
    guard let grid else {
      let exact = dtype == .bf16 ? Float(bitPattern: free.bitPattern & 0xFFFF_0000) : free
      return isPruned ? 0 : exact
    }
    let code = Int.random(in: grid.codes, using: &random)
    if isPruned { return 0 }
    let group = group(of: index, grid)
    if grid.isBinary { return code == 0 ? -grid.scales[group] : grid.scales[group] }
    let zero = grid.zeros.isEmpty ? 0 : Int(grid.zeros[group])
    return grid.scales[group] * Float(code - zero)
  }

  private func group(of index: Int, _ grid: QuantizationGrid) -> Int {
    if grid.groupSize >= shape.count { return 0 }
    let perRow = (shape.columns + grid.groupSize - 1) / grid.groupSize
    return index / shape.columns * perRow + index % shape.columns / grid.groupSize
  }
}
