import Tensors
import TestSupport
import Testing
import Transformers

@Suite struct GenerationTests {
  /// The cache must change nothing: each token is the likeliest by a full pass
  /// over all that stands before it.
  @Test(arguments: [false, true], [1, 2])
  func cacheAgreesWithFullRecomputation(_ hasBias: Bool, _ threads: Int) throws {
    let network = try TinyModel.network(hasBias: hasBias)
    var text = TinyModel.text(3)
    let generation = try network.generate(
      prompt: text, count: TinyModel.context - 3, sampling: Sampling(temperature: 0),
      threads: threads)
    for token in generation.tokens {
      let logits = try network.logits(text)
      let last = text.count - 1
      let best = (0..<TinyModel.vocabulary).reduce(0) {
        logits[last, $1] > logits[last, $0] ? $1 : $0
      }
      #expect(token == best)
      text.append(token)
    }
  }

  @Test func sameSeedSameText() throws {
    let network = try TinyModel.network()
    let texts = try [(5, 1), (5, 2), (5, 3), (6, 2)].map { seed, threads in
      try network.generate(
        prompt: [1, 2], count: 100, sampling: Sampling(seed: UInt64(seed)), threads: threads
      ).tokens
    }
    #expect(texts[0] == texts[1] && texts[1] == texts[2])
    #expect(texts[0] != texts[3])
    #expect(texts[0].count == 100)
    #expect(texts.joined().allSatisfy { 0..<TinyModel.vocabulary ~= $0 })
  }

  @Test func topOneIsTheLikeliest() throws {
    let network = try TinyModel.network()
    func written(_ sampling: Sampling) throws -> [Int] {
      try network.generate(prompt: [4], count: 40, sampling: sampling).tokens
    }
    let greedy = try written(Sampling(temperature: 0))
    #expect(try written(Sampling(topK: 1, seed: 3)) == greedy)
    #expect(try written(Sampling(topP: 0, seed: 3)) == greedy)
    #expect(try written(Sampling(minP: 1, seed: 3)) == greedy)
    #expect(try written(Sampling(topP: 1, minP: 0, seed: 3)) == written(Sampling(seed: 3)))
  }

  @Test func callbackSeesEachTokenAndStops() throws {
    var seen: [Int] = []
    let generation = try TinyModel.network().generate(prompt: [0], count: 50) {
      seen.append($0)
      return seen.count < 7
    }
    #expect(seen.count == 7)
    #expect(generation.tokens == seen)
  }

  @Test func longPromptsAndNoTokensAreFine() throws {
    let network = try TinyModel.network()
    let text = TinyModel.text(200)
    let long = try network.generate(prompt: text, count: 5, sampling: Sampling(temperature: 0))
      .tokens
    let short = try network.generate(
      prompt: Array(text.suffix(TinyModel.context)), count: 5, sampling: Sampling(temperature: 0)
    ).tokens
    #expect(long == short)
    #expect(try network.generate(prompt: text, count: 0).tokens.isEmpty)
  }

  @Test func referenceTextIsDeterministic() throws {
    let network = try TinyModel.network()
    let texts = try [1, 2].map { try ReferenceText.write(by: network, count: 1000, threads: $0) }
    #expect(texts[0] == texts[1])
    #expect(texts[0].count == 1000)
    let other = try ReferenceText.write(by: network, count: 1000, seed: 9)
    #expect(other != texts[0])
  }
}
