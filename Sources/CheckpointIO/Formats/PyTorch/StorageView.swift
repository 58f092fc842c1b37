internal import Tensors

/// Where a tensor's bytes are, all bounds checked.
struct StorageView {
  let indexed: IndexedTensor

  init(
    _ tensor: PickleTensor, name: String, _ storages: PyTorchStorages
  ) throws(CheckpointError) {
    let shape = try Shape(checking: tensor.dimensions, tensor: name)
    guard tensor.offset >= 0, tensor.strides.count == tensor.dimensions.count,
      tensor.strides.allSatisfy({ $0 >= 0 }), tensor.storage.reachableCount >= 0
    else { throw .negativeStride(tensor: name) }
    let entry = try storages.range(of: tensor.storage, name: name)
    let size = tensor.type.byteCount
    let reach = try StorageView.reach(of: tensor, shape: shape, name: name)
    let claimed = tensor.storage.reachableCount.multipliedReportingOverflow(
      by: tensor.storage.type?.byteCount ?? 1)
    guard !claimed.overflow, claimed.partialValue <= entry.count else {
      throw .storageTooShort(
        tensor: name, needed: claimed.overflow ? .max : claimed.partialValue,
        available: entry.count)
    }
    guard reach <= claimed.partialValue / size else {
      let needed = reach.multipliedReportingOverflow(by: size)
      throw .storageTooShort(
        tensor: name, needed: needed.overflow ? .max : needed.partialValue,
        available: claimed.partialValue)
    }
    try StorageView.checkExpansion(shape, storage: claimed.partialValue / size, name: name)
    let isRowMajor = StorageView.isRowMajor(tensor)
    let first = shape.count == 0 ? 0 : tensor.offset
    indexed = IndexedTensor(
      name: name, dtype: tensor.type.dtype, dtypeName: tensor.type.name, shape: shape,
      byteRange: entry.lowerBound + first * size..<entry.lowerBound + reach * size,
      strides: isRowMajor ? nil : tensor.strides)
  }

  /// One more than the index of the last number of the view.
  private static func reach(
    of tensor: PickleTensor, shape: Shape, name: String
  ) throws(CheckpointError) -> Int {
    guard shape.count > 0 else { return 0 }
    var last = tensor.offset
    for (dimension, stride) in zip(tensor.dimensions, tensor.strides) {
      let (span, overflow) = (dimension - 1).multipliedReportingOverflow(by: stride)
      let (sum, carry) = last.addingReportingOverflow(span)
      guard !overflow, !carry, sum < Int.max else { throw .shapeTooLarge(tensor: name) }
      last = sum
    }
    return last + 1
  }

  /// A stride of 0 lets a few bytes claim to be any number of weights.
  private static func checkExpansion(
    _ shape: Shape, storage: Int, name: String
  ) throws(CheckpointError) {
    let limit = max(storage, 1 << 20)
    guard shape.count <= limit else {
      throw .limitExceeded(
        what: "tensor \(name.quoted), a view larger than its storage,", limit: limit)
    }
  }

  private static func isRowMajor(_ tensor: PickleTensor) -> Bool {
    var expected = 1
    for (dimension, stride) in zip(tensor.dimensions, tensor.strides).reversed()
    where dimension != 1 {
      if stride != expected { return false }
      expected *= dimension
    }
    return true
  }
}
