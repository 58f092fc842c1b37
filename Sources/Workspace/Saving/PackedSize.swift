internal import Tensors

/// Bytes of tensors in the packed form.
enum PackedSize {
  static func bytes(of parameter: Parameter, zeroCount: Int) -> Int {
    let count = parameter.shape.count
    let kept = count - zeroCount
    let dense = count * parameter.dtype.byteCount
    let bitmap = (count + 7) / 8 + kept * parameter.dtype.byteCount
    guard let grid = parameter.grid else { return min(dense, bitmap) }
    let scales = grid.scales.count * 4
    return min(dense, bitmap, (count * grid.bits + 7) / 8 + scales)
  }
}
