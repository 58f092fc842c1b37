internal import CheckpointIO
internal import Models
internal import Tensors
internal import Transformers

/// How quickly a model reads a prompt, writes and is measured, in tokens a second, from the
/// weights as its file has them and as the commands do it: the medians of some runs, after one
/// that is not counted. Nothing of opening is in it.
struct ModelFigures {
  /// The file's name without its ending, as a key has it.
  let name: String
  /// A prompt of 512 tokens (or the context's length), with the logits after its last.
  let prompt: Double
  /// 64 tokens after a short prompt, the likeliest each time.
  let generation: Double
  /// By the window's length: the evaluation of text as `llama-perplexity` does it.
  let evaluation: [(window: Int, rate: Double)]
  /// What is read for each new token: all weights, without a token embedding that is not the head.
  let bytesPerToken: Int
  /// Weights of the blocks' matrices, and of the head's.
  let blockWeights: Int
  let headWeights: Int

  private static let promptLength = 512
  private static let shortPromptLength = 8
  private static let newTokens = 64
  /// At least so many tokens are evaluated, in whole windows.
  private static let evaluated = 1024

  /// Evaluates windows of the given lengths. Throws `CheckpointError` and `NetworkError`.
  static func measure(
    _ path: String, windows: [Int], runs: Int, threads: Int
  ) throws -> ModelFigures {
    let checkpoint = try Checkpoint.openingTellingOddities(path)
    let parameters = checkpoint.parameters
    let network = try Network.make(parameters, configuration: checkpoint.configuration)
    let config = network.configuration
    let text = SeededTokens.make(
      max(evaluated, promptLength, windows.max() ?? 0), vocabulary: config.vocabulary)
    func median(_ rate: () throws -> Double) throws -> Double {
      _ = try rate()
      return try (0..<runs).map { _ in try rate() }.sorted()[runs / 2]
    }
    let prompt = Array(text.prefix(min(promptLength, config.context)))
    let clock = ContinuousClock()
    return ModelFigures(
      name: String(path.split(separator: "/").last?.prefix { $0 != "." } ?? ""),
      prompt: try median {
        let time = try clock.measure {
          _ = try network.generate(prompt: prompt, count: 0, threads: threads)
        }
        return Double(prompt.count) / (time / .seconds(1))
      },
      generation: try median {
        // The first token's logits are the prompt's.
        let run = try network.generate(
          prompt: Array(text.prefix(shortPromptLength)), count: newTokens + 1,
          sampling: Sampling(temperature: 0), threads: threads)
        return Double(newTokens) / run.seconds
      },
      evaluation: try windows.map { window in
        let count = max(evaluated / window, 1) * window
        let rate = try median {
          let run = try network.evaluate(
            Array(text.prefix(count)), protocol: .llamaCpp, context: window, threads: threads)
          return Double(count) / run.seconds
        }
        return (window, rate)
      },
      bytesPerToken: parameters.reduce(0) { sum, parameter in
        parameter.place.role == .embedding && !network.isHeadTied
          ? sum : sum + (parameter.storedRows?.byteCount ?? 4 * parameter.shape.count)
      },
      blockWeights: parameters.reduce(0) { $1.place.role == .linear ? $0 + $1.shape.count : $0 },
      headWeights: config.vocabulary * config.width)
  }
}

/// Tokens for measurements of speed, which do not depend on which they are.
enum SeededTokens {
  /// Numbers of Knuth's MMIX generator.
  static func make(_ count: Int, vocabulary: Int) -> [Int] {
    var state: UInt64 = 1
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % vocabulary
    }
  }
}
