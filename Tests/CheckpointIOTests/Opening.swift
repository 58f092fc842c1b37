import CheckpointIO
import Tensors

/// What comes of opening a checkpoint and reading all of its weights, in a sentence: how
/// many tensors there are and what is odd about them, or why not.
func sentence(opening open: @autoclosure () throws -> Checkpoint) -> String {
  do {
    let checkpoint = try open()
    for parameter in checkpoint.parameters { _ = try parameter.loaded() }
    return (["opened \(checkpoint.tensors.count)"] + checkpoint.warnings).joined(separator: "; ")
  } catch {
    return "\(error)"
  }
}
