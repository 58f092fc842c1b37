internal import Backend
internal import Tensors
internal import Transformers

extension Optimizer {
  /// An optimizer that goes on with what was left of the network: what it remembers
  /// of each value goes with it. `shapes` are the tensors' shapes before. Throws
  /// `BackendError`.
  func following(_ selections: [Int: Selection], shapes: [Shape]) throws -> Optimizer {
    let next = try Optimizer(network, settings)
    next.steps = steps
    for (index, shape) in shapes.enumerated() {
      let selection = selections[index] ?? Selection()
      if let old = moments[index], let new = next.moments[index] {
        unsafe selection.gather(old.first.floats, shape, to: new.first.floats)
        unsafe selection.gather(old.second.floats, shape, to: new.second.floats)
      }
      if let old = momenta[index], let new = next.momenta[index] {
        unsafe selection.gather(old.floats, shape, to: new.floats)
      }
    }
    return next
  }
}
