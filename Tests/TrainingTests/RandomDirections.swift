import Tensors
import TestSupport
import Training

/// How the loss changes along a random direction d of one tensor.
struct RandomDirection {
  let tensor: TrainableTensor
  /// g · d, and |g| |d|.
  let product: Double
  let bound: Double
  /// ε: what d is multiplied by.
  let step: Float
  /// The loss of the tensor with so many times ε · d added.
  let loss: (Float) throws -> Double

  /// Calls `body` for each tensor of a network, whose values are afterwards what they were. `step`
  /// makes ε of the tensor's values and of |d|; `loss` computes gradients, too.
  static func forEach(
    of network: TrainingNetwork, step: ([Float], Float) -> Float, loss: () throws -> Double,
    _ body: (RandomDirection) throws -> Void
  ) throws {
    _ = try loss()
    let gradients = network.tensors.map { unsafe Array($0.gradient) }
    var generator = SplitMix64(seed: 6)
    for (tensor, gradient) in zip(network.tensors, gradients) {
      let values = unsafe Array(tensor.values)
      let direction = values.indices.map { _ in Float.random(in: -1...1, using: &generator) }
      let norm = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let step = step(values, norm)
      func moved(_ factor: Float) throws -> Double {
        for index in values.indices {
          unsafe tensor.values[index] = values[index] + factor * step * direction[index]
        }
        return try loss()
      }
      try withoutActuallyEscaping(moved) { moved in
        try body(
          RandomDirection(
            tensor: tensor,
            product: zip(gradient, direction).reduce(0.0) { $0 + Double($1.0 * $1.1) },
            bound: gradient.reduce(0.0) { $0 + Double($1 * $1) }.squareRoot() * Double(norm),
            step: step, loss: moved))
      }
      _ = try moved(0)
    }
  }
}
