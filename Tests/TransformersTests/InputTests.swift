import Tensors
import Testing
import Transformers

/// Mean squares of what goes into linear layers.
@Suite struct InputTests {
  @Test func layersAreNamedAndThreadsDoNotMatter() throws {
    let network = try TinyModel.network(hasBias: true)
    let text = TinyModel.text(200)
    let one = try network.inputSquares(text, threads: 1)
    #expect(one.count == 8)
    #expect(one["h.1.mlp.c_proj.weight"]?.count == 80)
    #expect(one.values.allSatisfy { $0.allSatisfy { $0 > 0 && $0.isFinite } })
    for threads in [2, 3] { #expect(try network.inputSquares(text, threads: threads) == one) }
  }

  /// A norm's outputs, less its weights, have a mean square of 1.
  @Test func normedInputsAreNormed() throws {
    let parameters = TinyModel.parameters()
    let network = try Network.make(parameters, configuration: ["n_head": "2"])
    let squares = try network.inputSquares(TinyModel.text(100))
    for (norm, layer) in [("h.0.ln_1", "h.0.attn.c_attn"), ("h.1.ln_2", "h.1.mlp.c_fc")] {
      let weights = try #require(try parameters[norm + ".weight"]?.tensor().array)
      let inputs = try #require(squares[layer + ".weight"])
      let mean = zip(inputs, weights).reduce(0) { $0 + $1.0 / ($1.1 * $1.1) } / Float(inputs.count)
      #expect(abs(mean - 1) < 1e-3)
    }
  }

  @Test func stopsWhenAsked() throws {
    let network = try TinyModel.network()
    #expect(throws: NetworkError.self) {
      try network.inputSquares(TinyModel.text(100), shouldStop: { true })
    }
  }
}
