internal import Tensors

/// PyTorch's sparse layouts as all of their numbers.
extension DerivedWeights {
  /// Indices `[axes, count]`: values of one place add up.
  func coordinates() throws(CheckpointError) -> [Float] {
    let indices = try integers(of: 1)
    let values = arrays[0].floats
    let dimensions = shape.dimensions
    let axes = arrays[1].shape.dimensions[0]
    let count = arrays[1].shape.dimensions[1]
    // Each value is a number, or all numbers of the axes that are not sparse.
    let inner = dimensions.dropFirst(axes).reduce(1, *)
    var dense = [Float](repeating: 0, count: shape.count)
    for position in 0..<count {
      var place = 0
      for axis in 0..<axes {
        let index = indices[axis * count + position]
        guard index >= 0, index < dimensions[axis] else { throw outside(index) }
        place = place * dimensions[axis] + index
      }
      for offset in 0..<inner { dense[place * inner + offset] += values[position * inner + offset] }
    }
    return dense
  }

  /// Rows (or columns) one after the other: `starts` tells where the values of each begin,
  /// `indices` in which column (or row) they are.
  func compressed(_ layout: DerivedTensor.SparseLayout) throws(CheckpointError) -> [Float] {
    let (starts, indices) = (try integers(of: 1), try integers(of: 2))
    let values = arrays[0].floats
    let block =
      layout.isOfBlocks ? Array(arrays[0].shape.dimensions.suffix(2)) : [1, 1]
    let size = block[0] * block[1]
    let columns = shape.columns
    let length = layout.isByColumns ? shape.rows / block[0] : columns / block[1]
    var dense = [Float](repeating: 0, count: shape.count)
    for line in 0..<max(0, starts.count - 1) {
      let (first, last) = (starts[line], starts[line + 1])
      guard first >= 0, first <= last, last <= indices.count else { throw outside(last) }
      for position in first..<last {
        let index = indices[position]
        guard index >= 0, index < length else { throw outside(index) }
        let row = (layout.isByColumns ? index : line) * block[0]
        let column = (layout.isByColumns ? line : index) * block[1]
        for offset in 0..<size {
          dense[(row + offset / block[1]) * columns + column + offset % block[1]] +=
            values[position * size + offset]
        }
      }
    }
    return dense
  }

  private func outside(_ index: Int) -> CheckpointError {
    damaged("its index \(index) is outside of its shape")
  }
}
