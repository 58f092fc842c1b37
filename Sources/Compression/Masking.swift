internal import Jobs
internal import Tensors

/// `parameter` without the units that go; none, the very same, when all of
/// those are gone already.
func masked(
  _ parameter: Parameter, _ going: [Bool], _ units: Units, shouldStop: () -> Bool
) throws -> [Parameter] {
  let shape = parameter.shape
  var words = parameter.mask?.words ?? fullMask(shape.count)
  let former = parameter.keptCount
  for tile in going.indices where going[tile] {
    if tile & 0xFFFF == 0, shouldStop() { throw Cancelled() }
    let (down, across) = tile.quotientAndRemainder(dividingBy: units.across)
    for row in units.rowRange(down) {
      for column in units.columnRange(across) {
        let index = row * units.columns + column
        words[index >> 6] &= ~(1 << UInt64(index & 63))
      }
    }
  }
  let mask = Mask(shape: shape, words: words)
  guard mask.keptCount < former else { return [] }
  let weights = try parameter.tensor()
  let values = unsafe try Tensor(shape) { out in
    unsafe try weights.withUnsafeValues { weights in
      for index in 0..<shape.count {
        if index & 0xFFFF == 0, shouldStop() { throw Cancelled() }
        unsafe out.initializeElement(at: index, to: mask[index] ? weights[index] : 0)
      }
    }
  }
  return [parameter.replacing(values, grid: parameter.grid, mask: mask)]
}

/// The bits of a mask that keeps all of `count` weights.
private func fullMask(_ count: Int) -> [UInt64] {
  var words = [UInt64](repeating: .max, count: (count + 63) / 64)
  if count & 63 != 0 { words[words.count - 1] = 1 << UInt64(count & 63) - 1 }
  return words
}
