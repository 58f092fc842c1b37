internal import Tensors

/// The part of a grid that the metadata describes: all but scales and zeros.
package struct GridLayout: Sendable, Hashable {
  let bits: Int
  let codes: ClosedRange<Int>
  let groupSize: Int
  let isBinary: Bool

  init(_ grid: QuantizationGrid) {
    bits = grid.bits
    codes = grid.codes
    groupSize = grid.groupSize
    isBinary = grid.isBinary
  }

  /// From a file: nil unless codes fit their bits and groups are not empty.
  init?(bits: Int, lowest: Int, highest: Int, groupSize: Int, isBinary: Bool) {
    let bounds = -(1 << 16)...1 << 16
    guard (1...8).contains(bits), groupSize > 0, bounds.contains(lowest),
      bounds.contains(highest), lowest <= highest, highest - lowest < 1 << bits
    else { return nil }
    self.bits = bits
    codes = lowest...highest
    self.groupSize = groupSize
    self.isBinary = isBinary
  }

  func isPerTensor(_ shape: Shape) -> Bool { groupSize >= shape.count && shape.count > 0 }

  func groups(in shape: Shape) -> Int {
    if isPerTensor(shape) { return 1 }
    let whole = shape.columns / groupSize
    return shape.rows * (whole + (shape.columns % groupSize == 0 ? 0 : 1))
  }
}

/// The narrowest types for what a grid stores a group.
enum GridScales {
  static func type(of scales: [Float]) -> DType {
    let tensor = Tensor([scales.count], scales)
    return [DType.f16, .bf16].first { StoredNumbers.isExact(tensor, $0) } ?? .f32
  }

  /// nil where there are no zero points.
  static func type(of zeros: [Int32]) -> DType? {
    guard let low = zeros.min(), let high = zeros.max() else { return nil }
    if low >= 0, high <= 255 { return .u8 }
    if low >= -128, high <= 127 { return .i8 }
    if low >= -32768, high <= 32767 { return .i16 }
    return .i32
  }

  static func bytes(_ scales: [Float]) -> [UInt8] {
    StoredNumbers.bytes(of: Tensor([scales.count], scales), type(of: scales))
  }

  static func bytes(_ zeros: [Int32]) -> [UInt8] {
    guard let type = type(of: zeros) else { return [] }
    return zeros.flatMap { zero in
      (0..<type.byteCount).map { UInt8(truncatingIfNeeded: zero >> Int32(8 * $0)) }
    }
  }
}
