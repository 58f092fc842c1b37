internal import CheckpointIO
internal import Models
internal import Transformers

/// How quick the network is, in tokens a second.
struct NetworkFigures {
  let evaluation: Double
  let evaluationBF16: Double
  let generation: Double

  private static let windows = 32
  private static let repetitions = 3
  private static let generatedTokens = 200

  /// nil for a model that does not run. Evaluates windows of the context's
  /// length over seeded tokens, the best of some repetitions.
  static func measure(_ checkpoint: Checkpoint, threads: Int) throws -> NetworkFigures? {
    guard
      Network.obstacle(
        of: checkpoint.parameters, configuration: checkpoint.configuration) == nil
    else { return nil }
    let network = try Network.make(
      checkpoint.parameters, configuration: checkpoint.configuration)
    let count = windows * network.configuration.context + 1
    let tokens = SeededTokens.make(count, vocabulary: network.configuration.vocabulary)
    func rate(_ precision: Precision) throws -> Double {
      var best = 0.0
      for _ in 0...repetitions {
        let run = try network.evaluate(tokens, precision: precision, threads: threads)
        best = max(best, run.tokensPerSecond)
      }
      return best
    }
    let generation = try network.generate(
      prompt: [tokens[0]], count: generatedTokens, threads: threads)
    return NetworkFigures(
      evaluation: try rate(.f32), evaluationBF16: try rate(.bf16),
      generation: generation.tokensPerSecond)
  }
}
