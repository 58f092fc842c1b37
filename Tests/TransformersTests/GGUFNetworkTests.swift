import CheckpointIO
import Models
import Tensors
import TestSupport
import Testing
import Transformers

/// GPTs in GGUF files with llama.cpp's names.
@Suite struct GGUFNetworkTests {
  private func expectSame(_ path: String, _ tokens: [Int]) throws {
    let folder = TemporaryFolder()
    let source = try Checkpoint.open(path)
    try GGUFPlan.make(parameters: source.parameters, of: source, storage: .own)
      .write(to: folder.file("a.gguf"))
    let file = try Checkpoint.open(folder.file("a.gguf"))
    #expect(file.parameters["blk.0.attn_qkv.weight"] != nil)
    let networks = try [source, file].map {
      try Network.make($0.parameters, configuration: $0.configuration)
    }
    #expect(networks[0].configuration.activation == networks[1].configuration.activation)
    let logits = try networks.map { try $0.logits(tokens).array }
    let largest = logits[0].reduce(0) { max($0, abs($1)) }
    // Biases of zeros, where there were none, change the order of sums.
    #expect(zip(logits[0], logits[1]).allSatisfy { abs($0 - $1) <= 1e-5 * largest })
    #expect(source.vocabulary == file.vocabulary)
  }

  @Test func aCharacterModelGivesTheSameLogits() throws {
    try expectSame(Fixtures.path("shakespeare-char.safetensors"), [0, 12, 40, 1, 64])
  }

  @Test(.enabled(if: SharedData.isPresent)) func gpt2GivesTheSameLogits() throws {
    try expectSame(SharedData.path("samples/tiny_gpt2_hf"), [1, 5, 9, 33, 7, 250])
  }
}
