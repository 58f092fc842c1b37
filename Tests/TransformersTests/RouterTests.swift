import CheckpointIO
import Foundation
import Models
import Tensors
import TestSupport
import Testing
import Transformers

/// How routers spread a text over their experts.
@Suite struct RouterTests {
  static let families = ["mixtral", "olmoe", "qwen2_moe", "qwen3_moe", "gpt_oss"]
  private static let text: [Int] = {
    var generator = SplitMix64(seed: 3)
    return (0..<200).map { _ in Int.random(in: 0..<64, using: &generator) }
  }()

  private func parameters(
    _ family: String
  ) throws -> (parameters: Parameters, configuration: [String: String]) {
    let checkpoint = try Checkpoint.open(SharedData.packageRoot + "/Checkpoints/families/" + family)
    return (checkpoint.parameters, checkpoint.configuration)
  }

  private func network(_ family: String) throws -> Network {
    let (parameters, configuration) = try parameters(family)
    return try Network.make(parameters, configuration: configuration)
  }

  /// Each token goes to as many experts as the model has active, in every block with a router, and
  /// the digits are the same for any number of threads. A shared expert's gate is no router.
  @Test(arguments: families) func sharesAddUp(_ family: String) throws {
    let (parameters, configuration) = try parameters(family)
    let network = try Network.make(parameters, configuration: configuration)
    let loads = try network.evaluate(Self.text, threads: 1).routers
    let routers = parameters.filter { $0.place.role == .router && $0.shape.rows > 1 }
    #expect(loads.map(\.router) == routers.map(\.name) && !loads.isEmpty)
    #expect(loads.map(\.block) == routers.compactMap(\.place.block))
    for load in loads {
      #expect(load.experts.count == network.configuration.experts?.count)
      #expect(load.active == 2 && load.tokens == Self.text.count - 1)
      #expect(abs(load.experts.indices.reduce(0) { $0 + load.share(of: $1) } - 1) < 1e-12)
      #expect(load.experts.allSatisfy { (0...1).contains($0.meanWeight ?? 0) })
    }
    for threads in [2, 3] {
      #expect(try network.evaluate(Self.text, threads: threads).routers == loads)
    }
    // Short windows are run several at once.
    let short = try network.evaluate(Self.text, context: 16, threads: 2).routers
    #expect(short.map(\.tokens) == loads.map(\.tokens))
  }

  @Test func modelsWithoutExpertsHaveNone() throws {
    #expect(try network("llama").evaluate(Self.text).routers.isEmpty)
  }

  /// Without attention a router of the first block sees the normed embedding of each token alone:
  /// its choices and their weights are worked out by hand.
  @Test func countsAreThoseOfTheRoutersLogits() throws {
    let (whole, configuration) = try parameters("mixtral")
    let output = try #require(whole["model.layers.0.self_attn.o_proj.weight"])
    let zeros = Tensor(output.shape, [Float](repeating: 0, count: output.shape.count))
    let parameters = whole.replacing([output.replacing(zeros, grid: nil, mask: nil)])
    let network = try Network.make(parameters, configuration: configuration)
    let load = try #require(try network.evaluate(Self.text).routers.first)

    func matrix(_ name: String) throws -> Tensor { try #require(parameters[name]).tensor() }
    let embedding = try matrix("model.embed_tokens.weight")
    let norm = try matrix("model.layers.0.post_attention_layernorm.weight").array
    let router = try matrix("model.layers.0.block_sparse_moe.gate.weight")
    var (tokens, weights) = ([0, 0, 0, 0], [0.0, 0, 0, 0])
    for token in Self.text.dropLast() {
      let row = norm.indices.map { Double(embedding[token, $0]) }
      let scale = (row.reduce(0) { $0 + $1 * $1 } / Double(row.count) + 1e-5).squareRoot()
      let scores = (0..<4).map { expert in
        row.indices.reduce(0) {
          $0 + row[$1] / scale * Double(norm[$1]) * Double(router[expert, $1])
        }
      }
      let chosen = scores.indices.sorted { scores[$0] > scores[$1] }.prefix(2)
      let total = chosen.reduce(0) { $0 + exp(scores[$1]) }
      for expert in chosen {
        tokens[expert] += 1
        weights[expert] += exp(scores[expert]) / total
      }
    }
    #expect(load.experts.map(\.tokens) == tokens)
    for (found, wanted) in zip(load.experts, weights) { #expect(abs(found.weight - wanted) < 1e-3) }
  }

  /// A changed model is measured as itself, beside the one that it is compared with.
  @Test func comparisonsTellOfTheChangedModel() throws {
    let (parameters, configuration) = try parameters("olmoe")
    let name = try #require(parameters.first { $0.place.role == .router }?.name)
    let router = try #require(parameters[name])
    let turned = Tensor(router.shape, try router.tensor().array.map { -$0 })
    let original = try Network.make(parameters, configuration: configuration)
    let changed = try Network.make(
      parameters.replacing([router.replacing(turned, grid: nil, mask: nil)]),
      configuration: configuration, sharing: original)
    let reference = try Reference(original, tokens: Self.text)
    #expect(reference.evaluation.routers == (try original.evaluate(Self.text).routers))
    let found = try changed.compare(to: reference).evaluation.routers
    #expect(found == (try changed.evaluate(Self.text).routers))
    #expect(found.first?.experts != reference.evaluation.routers.first?.experts)
  }
}
