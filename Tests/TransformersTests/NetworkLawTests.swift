import Tensors
import TestSupport
import Testing
import Transformers

/// What holds for every network.
@Suite struct NetworkLawTests {
  @Test(arguments: [2, 24, 25, 26, 100, 1000], [Precision.f32, .bf16])
  func lossHasTheSameDigitsOnAnyThreads(_ count: Int, _ precision: Precision) throws {
    let network = try TinyModel.network(hasBias: true)
    let text = TinyModel.text(count)
    let losses = try [1, 2, 3].map {
      try network.evaluate(text, precision: precision, threads: $0).loss
    }
    #expect(losses[0] == losses[1] && losses[1] == losses[2])
    #expect(losses[0].isFinite)
  }

  /// Whichever thread happens to take a window: more threads than windows.
  @Test func moreThreadsThanWindows() throws {
    let network = try TinyModel.network()
    let text = TinyModel.text(TinyModel.context * 2 + 1)
    let wanted = try network.evaluate(text, threads: 1).loss
    for _ in 0..<50 { #expect(try network.evaluate(text, threads: 8).loss == wanted) }
  }

  @Test func lossIsTheMeanOverWindowsOfTheLogits() throws {
    let network = try TinyModel.network()
    let text = TinyModel.text(61)
    var sum = 0.0
    for start in stride(from: 0, to: 60, by: TinyModel.context) {
      let inputs = Array(text[start..<min(start + TinyModel.context, 60)])
      let logits = try network.logits(inputs)
      for row in inputs.indices {
        let values = (0..<TinyModel.vocabulary).map { logits[row, $0] }
        sum += Reference64.crossEntropy(values, target: text[start + row + 1])
      }
    }
    #expect(abs(try network.evaluate(text).loss - sum / 60) < 1e-6)
  }

  @Test(arguments: [false, true])
  func logitsAgreeWithDoublePrecision(_ hasBias: Bool) throws {
    let parameters = TinyModel.parameters(hasBias: hasBias)
    let network = try Network.make(parameters, configuration: ["n_head": "2"])
    let text = TinyModel.text(TinyModel.context)
    let logits = try network.logits(text)
    let wanted = try Reference64(parameters, blocks: 2, heads: 2).logits(text)
    let largest = wanted.flatMap(\.self).reduce(0) { max($0, abs($1)) }
    let share = max(1e-5, 4 * Precision.f32.resolution)
    for (row, values) in wanted.enumerated() {
      for (column, value) in values.enumerated() {
        #expect(abs(Double(logits[row, column]) - value) < share * largest)
      }
    }
  }

  @Test func networkDoesNotDivergeFromItself() throws {
    let network = try TinyModel.network()
    let comparison = try network.compare(to: network, tokens: TinyModel.text(500))
    #expect(comparison.divergence == 0)
    #expect(comparison.agreement == 1)
    #expect(comparison.loss == comparison.referenceLoss)
    #expect(comparison.loss == (try network.evaluate(TinyModel.text(500)).loss))
  }

  @Test func divergenceIsPositiveAndDirected() throws {
    let (a, b) = (try TinyModel.network(seed: 1), try TinyModel.network(seed: 2))
    let text = TinyModel.text(300)
    let there = try a.compare(to: b, tokens: text)
    let back = try b.compare(to: a, tokens: text)
    #expect(there.divergence > 0 && back.divergence > 0)
    #expect(there.divergence != back.divergence)
    #expect(there.agreement == back.agreement)
    #expect(there.referenceLoss == back.loss)
  }

  @Test func revisionSharesWhatItDidNotChange() throws {
    let parameters = TinyModel.parameters()
    let original = try Network.make(parameters, configuration: ["n_head": "2"])
    let text = TinyModel.text(100)
    let before = try original.evaluate(text).loss
    let name = "h.1.mlp.c_fc.weight"
    let layer = try #require(parameters[name])
    let zeros = Tensor(layer.shape, Array(repeating: 0, count: layer.shape.count))
    let revised = parameters.replacing([layer.replacing(zeros, grid: nil, mask: nil)])
    let shared = try Network.make(revised, configuration: ["n_head": "2"], sharing: original)
    let fresh = try Network.make(revised, configuration: ["n_head": "2"])
    #expect(try shared.evaluate(text).loss == fresh.evaluate(text).loss)
    #expect(try shared.evaluate(text).loss != before)
    #expect(try original.evaluate(text).loss == before)
  }

  @Test func stoppingStops() throws {
    let network = try TinyModel.network()
    #expect(throws: NetworkError.stopped) {
      try network.evaluate(TinyModel.text(1000), shouldStop: { true })
    }
  }

  @Test func progressReachesOneAndNeverFalls() throws {
    var seen: [Double] = []
    _ = try TinyModel.network().evaluate(TinyModel.text(2000), progress: { seen.append($0) })
    #expect(seen.last == 1)
    #expect(zip(seen, seen.dropFirst()).allSatisfy { $0 <= $1 })
  }
}
