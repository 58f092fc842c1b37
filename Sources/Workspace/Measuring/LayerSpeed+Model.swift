internal import CheckpointIO
internal import Jobs
internal import Models
internal import Tensors
internal import Transformers

extension LayerSpeed {
  /// Weights of the layers that are tried: more than most caches hold.
  private static let enough = 1 << 25

  /// How many times as fast as the original's the layers of a model are that passes have changed,
  /// packed as a save packs them: the first of them. nil for the original, and where rows cannot
  /// be had. Throws `Cancelled`, and what reading a tensor throws.
  static func ratio(
    of model: ModelState, against checkpoint: Checkpoint, in job: borrowing JobContext
  ) throws -> Double? {
    var (layers, former): ([Parameter], [Parameter]) = ([], [])
    for layer in model.parameters.linearLayers where layers.weightCount < enough {
      guard let original = checkpoint.parameters[layer.name], !original.isIdentical(to: layer),
        layer.shape.dimensions.count == 2
      else { continue }
      layers.append(layer)
      former.append(original)
    }
    guard !layers.isEmpty else { return nil }
    let shouldStop = job.shouldStop
    do {
      return try ratio(
        of: packed(layers, shouldStop),
        to: former.allSatisfy { $0.storedRows != nil } ? former : packed(former, shouldStop),
        threads: job.threads, shouldStop: shouldStop)
    } catch CheckpointError.stopped {
      throw Cancelled()
    } catch NetworkError.stopped {
      throw Cancelled()
    }
  }

  /// The same layers as a packed file in memory has them.
  private static func packed(
    _ layers: [Parameter], _ shouldStop: @Sendable () -> Bool
  ) throws -> [Parameter] {
    let plan = try SavePlan.make(
      parameters: Parameters(layers), form: .packed, shouldStop: shouldStop)
    let file = try Checkpoint.open(
      bytes: plan.bytes(shouldStop: shouldStop), name: "layers in memory")
    return layers.compactMap { file.parameters[$0.name] }
  }
}
