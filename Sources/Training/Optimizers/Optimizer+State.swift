internal import Backend
public import Tensors
internal import Transformers

/// Something a training run was to go on from does not fit.
public enum TrainingStateError: Error, Sendable, Hashable, CustomStringConvertible {
  /// A tensor the state has not.
  case missing(String)
  /// A tensor of another shape.
  case shape(String, found: Shape, needed: Shape)

  public var description: String {
    switch self {
    case .missing(let name): "The saved training has no tensor \(name)."
    case .shape(let name, let found, let needed):
      "The saved training has \(name) as \(found), and \(needed) is needed."
    }
  }
}

extension Optimizer {
  /// Before the names of what an optimizer remembers.
  public static let prefix = "optimizer."

  /// What is remembered: a copy, under `optimizer.first.NAME`, `optimizer.second.NAME`
  /// and `optimizer.momentum.NAME`, with the shapes of the parameters.
  public func state() -> [Parameter] {
    network.tensors.flatMap { tensor in
      buffers(of: tensor).map { kind, buffer in
        let values = unsafe Tensor(tensor.shape) { target in
          unsafe _ = target.initialize(
            fromContentsOf: UnsafeBufferPointer(start: buffer.floats, count: tensor.shape.count))
        }
        let name = Optimizer.prefix + kind + "." + tensor.key
        return Parameter(
          name: name, shape: tensor.shape, dtype: .f32,
          place: Place(block: nil, layer: name, role: .optimizer), load: { values })
      }
    }
  }

  /// Remembers what `state` says, after `steps` updates. Throws
  /// `TrainingStateError` and what reading throws.
  public func restore(_ state: Parameters, steps: Int) throws {
    for tensor in network.tensors {
      for (kind, buffer) in buffers(of: tensor) {
        let name = Optimizer.prefix + kind + "." + tensor.key
        guard let parameter = state[name] else { throw TrainingStateError.missing(name) }
        guard parameter.shape == tensor.shape else {
          throw TrainingStateError.shape(name, found: parameter.shape, needed: tensor.shape)
        }
        unsafe try parameter.tensor().withUnsafeValues { values in
          unsafe _ = UnsafeMutableBufferPointer(start: buffer.floats, count: values.count)
            .update(fromContentsOf: values)
        }
      }
    }
    self.steps = steps
  }

  private func buffers(of tensor: TrainableTensor) -> [(String, AlignedBuffer)] {
    if let moments = moments[tensor.index] {
      return [("first", moments.first), ("second", moments.second)]
    }
    return momenta[tensor.index].map { [("momentum", $0)] } ?? []
  }
}
