internal import Tensors

/// What the calls that make quantized and sparse tensors are given.
extension PickleGraph {
  /// A shape or strides; nil for anything else, and for more axes than any tensor has.
  func integers(_ reference: PickleValue.Reference) -> [Int]? {
    guard let elements = elements(reference), elements.count <= SafetensorsFormat.dimensionLimit
    else { return nil }
    var numbers: [Int] = []
    for element in elements {
      guard case .integer(let number) = self[element] else { return nil }
      numbers.append(number)
    }
    return numbers
  }

  /// Of `_rebuild_qtensor(storage, offset, size, stride, (scheme, scale, zero, axis), …)`:
  /// nil for schemes that are not read.
  func quantized(
    _ codes: PickleTensor, _ arguments: [PickleValue.Reference]
  ) -> PickleDerivedTensor? {
    guard arguments.count > 4, let type = codes.type.asCodes,
      let parameters = elements(arguments[4]), parameters.count >= 3,
      case .global(.foreign(let scheme)) = self[parameters[0]]
    else { return nil }
    let tensor = PickleTensor(
      storage: codes.storage, type: type, offset: codes.offset, dimensions: codes.dimensions,
      strides: codes.strides)
    switch names[Int(scheme)] {
    case "torch.per_tensor_affine", "torch.per_tensor_symmetric":
      guard case .float(let scale) = self[parameters[1]],
        case .integer(let zero) = self[parameters[2]]
      else { return nil }
      return PickleDerivedTensor(
        form: .affine(scale: scale, zero: zero), dimensions: codes.dimensions,
        parts: [("codes", tensor)])
    case "torch.per_channel_affine", "torch.per_channel_symmetric":
      guard parameters.count >= 4, case .tensor(let scales) = self[parameters[1]],
        case .tensor(let zeros) = self[parameters[2]],
        case .integer(let axis) = self[parameters[3]],
        zeros.type.dtype?.isFloatingPoint == false
      else { return nil }
      return PickleDerivedTensor(
        form: .affineAlong(axis: axis), dimensions: codes.dimensions,
        parts: [("codes", tensor), ("scales", scales), ("zeros", zeros)])
    default: return nil
    }
  }

  /// Of `_rebuild_sparse_tensor(layout, (…, size, …))`; nil for layouts that are not read.
  func sparse(_ arguments: [PickleValue.Reference]) -> PickleDerivedTensor? {
    guard arguments.count >= 2, let word = layout(arguments[0]),
      let layout = DerivedTensor.SparseLayout(rawValue: word),
      let data = elements(arguments[1])
    else { return nil }
    let count = layout == .coo ? 2 : 3
    guard data.count > count, let dimensions = integers(data[count]) else { return nil }
    var tensors: [PickleTensor] = []
    for part in data.prefix(count) {
      guard case .tensor(let tensor) = self[part] else { return nil }
      tensors.append(tensor)
    }
    // Values come last.
    let parts = [tensors[count - 1]] + tensors.dropLast()
    let suffixes = DerivedTensor.Form.sparse(layout).suffixes
    return PickleDerivedTensor(
      form: .sparse(layout), dimensions: dimensions,
      parts: zip(suffixes, parts).map { (suffix: $0, tensor: $1) })
  }

  /// `sparse_coo` of `_get_layout("torch.sparse_coo")`.
  private func layout(_ reference: PickleValue.Reference) -> String? {
    let path: String
    switch self[reference] {
    case .global(.foreign(let name)): path = names[Int(name)]
    case .object(let number):
      guard objects[number].arguments >= 0,
        let first = elements(Int(objects[number].arguments))?.first,
        case .string(let text) = self[first]
      else { return nil }
      path = text
    default: return nil
    }
    return path.hasPrefix("torch.") ? String(path.dropFirst("torch.".utf8.count)) : nil
  }
}
