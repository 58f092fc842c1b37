import CheckpointIO
import Tensors
import TestSupport
import Testing
import Transformers

/// Everything that is refused, with its sentence.
@Suite struct RefusalTests {
  @Test func badTokensAndTexts() throws {
    let network = try TinyModel.network()
    #expect(throws: NetworkError.tokenOutOfRange(token: 37, position: 1, vocabulary: 37)) {
      try network.logits([0, 37])
    }
    #expect(throws: NetworkError.tokenOutOfRange(token: -1, position: 0, vocabulary: 37)) {
      try network.evaluate([-1, 0])
    }
    #expect(throws: NetworkError.contextOverflow(tokens: 25, context: 24)) {
      try network.logits(TinyModel.text(25))
    }
    #expect(throws: NetworkError.textTooShort(tokens: 0, needed: 1)) { try network.logits([]) }
    #expect(throws: NetworkError.textTooShort(tokens: 1, needed: 2)) { try network.evaluate([3]) }
    #expect(throws: NetworkError.textTooShort(tokens: 0, needed: 1)) {
      try network.generate(prompt: [], count: 3)
    }
    #expect(throws: NetworkError.self) {
      try network.generate(prompt: [1], count: 3, sampling: Sampling(temperature: -.infinity))
    }
    #expect(throws: NetworkError.self) { try network.generate(prompt: [1], count: -1) }
    for sampling in [
      Sampling(topK: 0), Sampling(topP: 1.5), Sampling(topP: .nan), Sampling(minP: -1),
      Sampling(repetitionPenalty: 0), Sampling(repetitionPenalty: .infinity),
    ] {
      #expect(throws: NetworkError.self) {
        try network.generate(prompt: [1], count: 1, sampling: sampling)
      }
    }
  }

  @Test(arguments: [
    ([:], "This model cannot be run: its settings do not say how many heads it has (n_head)"),
    (["n_head": "3"], "3 heads do not divide its width of 20"),
    (["n_head": "0"], "its setting n_head is 0, which is no count"),
    (["n_head": "2", "n_layer": "5"], "it has 2 blocks where its settings say 5"),
    (["n_head": "2", "activation_function": "relu"], "its activation relu is neither"),
    (["n_head": "2", "layer_norm_epsilon": "-1"], "its layer_norm_epsilon is -1"),
  ])
  func badSettings(_ settings: [String: String], _ sentence: String) {
    let obstacle = Network.obstacle(
      of: TinyModel.parameters(), configuration: settings)
    #expect(obstacle?.contains(sentence) == true, "\(obstacle ?? "none")")
  }

  /// Settings that contradict a Llama's tensors, or are missing; 64 tokens, 32 wide.
  @Test(arguments: [
    ("hidden_size", "48", "its settings say a hidden_size of 48 where its token embedding says 32"),
    ("vocab_size", "many", "a vocab_size of many where its token embedding says 64"),
    ("max_position_embeddings", "0", "its settings say a context of 0 tokens"),
    ("num_hidden_layers", "3", "it has 2 blocks where its settings say 3"),
    ("model_type", nil, "no setting says its family, model_type, which stands in config.json"),
  ])
  func contradictions(_ name: String, _ value: String?, _ sentence: String) throws {
    let checkpoint = try Checkpoint.open(
      SharedData.packageRoot + "/Checkpoints/families/llama")
    var settings = checkpoint.configuration
    #expect(settings["hidden_size"] == "32" && settings["vocab_size"] == "64")
    settings[name] = value
    for name in ["n_layer", "block_size"] where settings[name] != nil { settings[name] = nil }
    let obstacle = Network.obstacle(of: checkpoint.parameters, configuration: settings)
    #expect(obstacle?.contains(sentence) == true, "\(obstacle ?? "none")")
  }

  @Test func missingAndMisshapenTensors() {
    for parameter in TinyModel.parameters() {
      let rest = Parameters(TinyModel.parameters().filter { $0.name != parameter.name })
      #expect(Network.obstacle(of: rest, configuration: ["n_head": "2"]) != nil)
    }
    let obstacle = Network.obstacle(of: Parameters([]), configuration: [:])
    #expect(obstacle?.contains("not named like") == true)
  }

  @Test(arguments: ["", "transformer.", "_orig_mod.transformer."])
  func prefixesAreRecognised(_ prefix: String) {
    let parameters = TinyModel.parameters(prefix: prefix)
    #expect(Network.obstacle(of: parameters, configuration: ["n_head": "2"]) == nil)
  }

  @Test func nonFiniteWeightsGiveAnswersAndNoTrap() throws {
    let parameters = TinyModel.parameters()
    let layer = try #require(parameters["h.0.attn.c_attn.weight"])
    let bad = Tensor(layer.shape, Array(repeating: .nan, count: layer.shape.count))
    let network = try Network.make(
      parameters.replacing([layer.replacing(bad, grid: nil, mask: nil)]),
      configuration: ["n_head": "2"])
    #expect(try network.evaluate(TinyModel.text(50)).loss.isNaN)
    #expect(try network.generate(prompt: [1], count: 5).tokens.count == 5)
  }

  /// A name claims a number of blocks, a shape a length of windows: nothing is
  /// made of either before it is known to fit.
  @Test(arguments: ["h.4000000000.a", "h.9223372036854775807.a", "h.-1.a"])
  func claimedBlocksAreNotBelieved(name: String) {
    let tensor = Tensor([1], [0])
    let extra = Parameter(
      name: name, shape: [1], dtype: .f32, place: Place(block: nil, layer: name, role: .other),
      load: { tensor })
    let parameters = Parameters(Array(TinyModel.parameters()) + [extra])
    let obstacle = Network.obstacle(of: parameters, configuration: ["n_head": "2"])
    #expect((obstacle == nil) == name.contains("-"), "\(obstacle ?? "none")")
  }

  @Test func claimedWindowsHaveToFitInMemory() throws {
    let long = 1 << 20
    let network = try Network.make(
      Parameters(
        TinyModel.parameters(blocks: 1, width: 1).map { parameter in
          let shape: Shape? =
            switch parameter.name {
            case "wpe.weight", "h.0.mlp.c_fc.weight": [long, 1]
            case "h.0.mlp.c_proj.weight": [1, long]
            default: nil
            }
          guard let shape else { return parameter }
          let tensor = Tensor(shape, [Float](repeating: 0, count: long))
          return Parameter(
            name: parameter.name, shape: shape, dtype: .f32, place: parameter.place,
            load: { tensor })
        }), configuration: ["n_head": "1"])
    let error = #expect(throws: NetworkError.self) {
      try network.evaluate(Array(repeating: 1, count: long + 1), context: long)
    }
    #expect(error?.description == "There is not enough memory for 1048576 tokens at once.")
  }

  /// Long tokens cost nothing where a text has none of them.
  @Test func longTokensCostNothing() throws {
    let long = String(repeating: "a", count: 1 << 18) + "b"
    let tokenizer = CharacterTokenizer(vocabulary: ["c", "", long, "a", "aa", "c"])
    let text = String(repeating: "ca", count: 1 << 15)
    #expect(try tokenizer.encode(text).count == 1 << 16)
    #expect(try tokenizer.encode("aaac") == [4, 3, 0])
  }

  @Test func tokenizerNamesTheCharacterAndItsPosition() throws {
    let tokenizer = CharacterTokenizer(vocabulary: ["a", "b", "\n", "é"])
    #expect(try tokenizer.encode("ab\né") == [0, 1, 2, 3])
    #expect(tokenizer.decode([0, 3, 9]) == "aé\u{FFFD}")
    let error = #expect(throws: NetworkError.self) { try tokenizer.encode("ab\nz") }
    #expect(
      error?.description
        == "The vocabulary has no token for \"z\" (U+7A) at position 3 of the text.")
  }
}
