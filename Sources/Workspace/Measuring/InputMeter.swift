internal import CheckpointIO
internal import Models
internal import Synchronization
internal import Tensors
internal import Transformers

/// Mean squares of the inputs of a checkpoint's layers, on a text that the
/// original itself writes: so they depend on the checkpoint alone, and a recipe
/// gives the same bytes whatever the loss is measured on.
final class InputMeter: Sendable {
  private let checkpoint: Checkpoint
  private let measured = Mutex<[String: [Float]]?>(nil)

  /// Reads and runs nothing yet.
  init(_ checkpoint: Checkpoint) { self.checkpoint = checkpoint }

  /// The checkpoint's model, whose parameters measure their inputs when they are asked
  /// for them first.
  var model: ModelState {
    let model = checkpoint.model
    let obstacle = Network.obstacle(
      of: model.parameters, configuration: model.configuration)
    guard obstacle == nil, checkpoint.unreadCodes == nil else { return model }
    let parameters = model.parameters.map { parameter in
      guard parameter.place.role == .linear else { return parameter }
      let name = parameter.name
      return parameter.knowing { threads, shouldStop in
        try self.squares(threads: threads, shouldStop: shouldStop)?[name]
      }
    }
    return ModelState(
      Parameters(parameters), configuration: model.configuration, texts: CheckpointTexts(checkpoint)
    )
  }

  /// nil when stopped.
  private func squares(
    threads: Int, shouldStop: @Sendable () -> Bool
  ) throws -> [String: [Float]]? {
    if let known = measured.withLock({ $0 }) { return known }
    do {
      let network = try Network.make(
        checkpoint.parameters, configuration: checkpoint.configuration)
      let text = try ReferenceText.write(
        by: network, threads: threads, shouldStop: shouldStop)
      let squares = try network.inputSquares(text, threads: threads, shouldStop: shouldStop)
      measured.withLock { $0 = squares }
      return squares
    } catch NetworkError.stopped {
      return nil
    }
  }
}
