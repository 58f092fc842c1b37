import Tensors
import Testing
import Transformers

/// Every reason for which a network does not run, with its sentence. A case of `NetworkError`
/// that is missing here does not compile.
@Suite struct NetworkErrorTests {
  enum Reason: CaseIterable, Sendable {
    case notRunnable, tokenOutOfRange, textTooShort, contextOverflow, unknownCharacter
    case differentVocabularies, badSetting, outOfMemory, stopped

    init(_ error: NetworkError) {
      self =
        switch error {
        case .notRunnable: .notRunnable
        case .tokenOutOfRange: .tokenOutOfRange
        case .textTooShort: .textTooShort
        case .contextOverflow: .contextOverflow
        case .unknownCharacter: .unknownCharacter
        case .differentVocabularies: .differentVocabularies
        case .badSetting: .badSetting
        case .outOfMemory: .outOfMemory
        case .stopped: .stopped
        }
    }
  }

  @Test(arguments: Reason.allCases) func eachHasItsSentence(reason: Reason) throws {
    let (sentence, cause) = try example(of: reason)
    let error = try #require(throws: NetworkError.self) { try cause() }
    #expect(Reason(error) == reason)
    #expect(error.description == sentence)
  }

  private func example(of reason: Reason) throws -> (sentence: String, cause: () throws -> Void) {
    let network = try TinyModel.network()
    switch reason {
    case .notRunnable:
      return (
        "This model cannot be run: wpe.weight is missing.",
        {
          let rest = TinyModel.parameters().filter { $0.name != "wpe.weight" }
          _ = try Network.make(Parameters(rest), configuration: ["n_head": "2"])
        }
      )
    case .tokenOutOfRange:
      return (
        "Token 37 at position 1 is outside the vocabulary of 37.",
        { _ = try network.logits([0, 37]) }
      )
    case .textTooShort:
      return (
        "The text has 1 token; at least 2 are needed.", { _ = try network.evaluate([3]) }
      )
    case .contextOverflow:
      return (
        "25 tokens are more than the context of 24.",
        { _ = try network.logits(TinyModel.text(25)) }
      )
    case .unknownCharacter:
      return (
        #"The vocabulary has no token for "\u{1B}" (U+1B) at position 1 of the text."#,
        { _ = try CharacterTokenizer(vocabulary: ["a"]).encode("a\u{1B}") }
      )
    case .differentVocabularies:
      return (
        "Networks with vocabularies of 5 and 37 tokens cannot be compared.",
        {
          let other = try changed("wte.weight", to: [5, TinyModel.width])
          _ = try other.compare(to: network, tokens: [0, 1, 2])
        }
      )
    case .badSetting:
      return (
        "The number of tokens must be 0 or more, not -1.",
        { _ = try network.generate(prompt: [0], count: -1) }
      )
    case .outOfMemory:
      return (
        "There is not enough memory for 1048576 tokens at once.",
        {
          let text = Array(repeating: 1, count: 1 << 20 | 1)
          _ = try long().evaluate(text, context: 1 << 20)
        }
      )
    case .stopped:
      return (
        "The work was stopped.",
        { _ = try network.evaluate(TinyModel.text(50), shouldStop: { true }) }
      )
    }
  }

  /// The network with one parameter of another shape, of zeros.
  private func changed(_ name: String, to shape: Shape) throws -> Network {
    try Network.make(
      Parameters(TinyModel.parameters().map { $0.name == name ? zeros(like: $0, shape) : $0 }),
      configuration: ["n_head": "2"])
  }

  /// One that sees so many tokens at once that no memory holds what is made of them.
  private func long() throws -> Network {
    let tokens = 1 << 20
    let shapes: [String: Shape] = [
      "wpe.weight": [tokens, 1], "h.0.mlp.c_fc.weight": [tokens, 1],
      "h.0.mlp.c_proj.weight": [1, tokens],
    ]
    return try Network.make(
      Parameters(
        TinyModel.parameters(blocks: 1, width: 1).map { parameter in
          shapes[parameter.name].map { zeros(like: parameter, $0) } ?? parameter
        }), configuration: ["n_head": "1"])
  }

  private func zeros(like parameter: Parameter, _ shape: Shape) -> Parameter {
    let tensor = Tensor(shape, [Float](repeating: 0, count: shape.count))
    return Parameter(
      name: parameter.name, shape: shape, dtype: .f32, place: parameter.place, load: { tensor })
  }
}
