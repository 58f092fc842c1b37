internal import Tensors

/// Why a file that opens has no weights to work on.
enum MissingWeights {
  /// In words that follow "the file holds no weights: "; nil where it has some, or nothing
  /// at all.
  static func reason(_ tensors: [IndexedTensor]) -> String? {
    var (states, empty) = (0, 0)
    for position in tensors.indices {
      let tensor = tensors[position]
      if tensor.isOptimizer {
        states += 1
      } else if isUngathered(tensor) {
        empty += 1
      } else if tensor.shape.dimensions.count >= 2, tensor.shape.count > 0 {
        return nil
      }
    }
    if states > 0, states == tensors.count {
      return states == 1
        ? "its one tensor is training state, such as an optimizer keeps"
        : "its \(states) tensors are training state, such as an optimizer keeps"
    }
    guard empty > 0 else { return nil }
    return
      "its \(empty == 1 ? "one matrix is" : "\(empty) matrices are") empty, as DeepSpeed ZeRO-3 "
      + "leaves them in each process's file; run zero_to_fp32.py on the training checkpoint, which "
      + "puts the parts together"
  }

  /// The same as a warning, also of a file of which only some matrices are empty.
  static func warning(_ tensors: [IndexedTensor]) -> String? {
    if let reason = reason(tensors) { return "the file holds no weights: \(reason)" }
    let empty = tensors.indices.filter { isUngathered(tensors[$0]) }
    guard let first = empty.first.map({ tensors[$0] }) else { return nil }
    let count = empty.count
    return "\(count == 1 ? "1 matrix is" : "\(count) matrices are") empty, \(first.name.quoted) "
      + "first, as DeepSpeed ZeRO-3 leaves those that were not gathered"
  }

  /// ZeRO-3 puts a tensor without numbers in the place of each that it has parts of.
  private static func isUngathered(_ tensor: IndexedTensor) -> Bool {
    tensor.shape.dimensions.count == 1 && tensor.shape.dimensions[0] == 0 && !tensor.isOptimizer
      && tensor.name.hasSuffix("weight")
  }
}
