import CheckpointIO
import TestSupport
import Testing
import Training
import Transformers

/// bf16 loses digits and nothing else.
@Suite(.enabled(if: SharedData.isPresent)) struct PrecisionTests {
  @Test(arguments: [Float(0), 0.1]) func gradientsPointTheSameWay(_ dropout: Float) throws {
    let checkpoint = try Checkpoint.open(SharedData.path("shakespeare-char/ckpt.pt"))
    let text = SmallModel.tokens(4 * 256 + 1, seed: 3)
    func gradients(_ precision: Precision) throws -> [(name: String, values: [Float])] {
      let network = try TrainingNetwork(
        checkpoint.parameters, configuration: checkpoint.configuration, precision: precision,
        threads: 2)
      _ = try network.gradients(
        Array(text.dropLast()), Array(text.dropFirst()), sequences: 4, length: 256,
        dropout: dropout, seed: 1)
      return network.tensors.map { unsafe ($0.name, Array($0.gradient)) }
    }
    for (exact, rounded) in zip(try gradients(.f32), try gradients(.bf16)) {
      let product = zip(exact.values, rounded.values).reduce(0.0) { $0 + Double($1.0 * $1.1) }
      let norms = [exact, rounded].map { $0.values.reduce(0.0) { $0 + Double($1 * $1) } }
      let cosine = product / (norms[0] * norms[1]).squareRoot()
      #expect(cosine > 0.995 && abs(norms[1] / norms[0] - 1) < 0.02, "\(exact.name): \(cosine)")
    }
  }
}
