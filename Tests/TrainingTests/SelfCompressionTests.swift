import CheckpointIO
import Tensors
import TestSupport
import Testing
import Training
import Transformers

@Suite struct SelfCompressionTests {
  /// In bf16 or f32, a network some of whose channels have no bits, before and after
  /// those are removed: the same loss, the same quantized weights, the same gradients
  /// where something is left.
  @Test(arguments: [Precision.f32, .bf16], [0, 1, 2, 3])
  func removalChangesNothing(_ precision: Precision, _ kind: Int) throws {
    let network = try SmallModel.network(precision: precision, threads: 2)
    let compression = try SelfCompression(network, CompressionSettings())
    let dead: (String, Int) -> Bool =
      switch kind {
      // Here and there.
      case 0: { name, row in (row &* 2_654_435_761) % 7 < 3 && !name.isEmpty }
      // A whole head's values (rows 40..<50 of attention), and an MLP.
      case 1:
        { name, row in
          name.contains("h.0.attn.c_attn") && (40..<50).contains(row)
            || name.contains("h.1.mlp.c_fc")
        }
      // All queries: every head sees evenly.
      case 2: { name, row in name.contains("c_attn") && row < 20 }
      // All output channels of a branch.
      default: { name, _ in name.contains("h.0.attn.c_proj") || name.contains("h.1.mlp.c_proj") }
      }
    compression.setDepths { name, row, depth in dead(name, row) ? 0 : depth }
    let inputs = SmallModel.tokens(60, seed: 1)
    let targets = SmallModel.tokens(60, seed: 2)
    func loss() throws -> Double {
      try network.gradients(inputs, targets, sequences: 2, length: 30)
    }
    let before = (try loss(), network.parameters(), compression.meanDepth)
    let outer = network.tensors.first { $0.name == "wte.weight" }.map { unsafe Array($0.gradient) }
    let weights = network.tensors.reduce(0) { $0 + $1.shape.count }
    #expect(!network.removeDeadChannels().isEmpty)
    #expect(network.tensors.reduce(0) { $0 + $1.shape.count } < weights)
    #expect(network.removeDeadChannels().isEmpty)
    let after = (try loss(), network.parameters(), compression.meanDepth)
    #expect(abs(before.0 - after.0) < (precision == .f32 ? 1e-6 : 1e-3))
    let found = network.tensors.first { $0.name == "wte.weight" }.map { unsafe Array($0.gradient) }
    for (a, b) in zip(try #require(outer), try #require(found)) {
      #expect(abs(a - b) < (precision == .f32 ? 1e-6 : 1e-3))
    }
    // What is stored computes the same: channels that fed nothing may be gone.
    let stored = try [before.1, after.1].map {
      try Network.make($0, configuration: ["n_head": "2", "activation_function": "gelu"])
        .evaluate(inputs.map(Int.init)).loss
    }
    #expect(abs(stored[0] - stored[1]) < 1e-5)
    #expect(after.2 <= before.2)
  }

  /// With a price and no task, every channel loses bits in the first step.
  @Test func aPriceTakesBits() throws {
    let network = try SmallModel.network()
    let compression = try SelfCompression(network, CompressionSettings(gamma: 10))
    let inputs = SmallModel.tokens(60, seed: 1)
    let before = compression.meanDepth
    #expect(before == 4)
    _ = try network.gradients(inputs, inputs, sequences: 2, length: 30)
    compression.convertGradients()
    compression.update()
    #expect(compression.meanDepth < before)
  }
}

/// Agreement with a reference in float64.
@Suite(.enabled(if: SharedData.isPresent)) struct SelfCompressionReferenceTests {
  @Test func gradientsOfWeightsDepthsAndExponentsAgree() throws {
    let checkpoint = try Checkpoint.open(SharedData.path("samples/ckpt.pt"))
    let reference = try Checkpoint.open(
      SharedData.path("samples/training_reference.safetensors")
    ).parameters
    let network = try TrainingNetwork(
      checkpoint.parameters, configuration: checkpoint.configuration, precision: .f32, threads: 2)
    let compression = try SelfCompression(network, CompressionSettings(gamma: 0.015))
    func stem(_ name: String) -> String { String(name.dropLast(".weight".count)) }
    func wanted(_ name: String) throws -> [Float] {
      try #require(reference[name], "\(name)").tensor().array
    }
    compression.setDepths { name, row, _ in (try? wanted("b." + stem(name)))?[row] ?? .nan }
    compression.setExponents { name, row, _ in (try? wanted("e." + stem(name)))?[row] ?? .nan }
    let batch = try ReferenceTests.batch(try #require(checkpoint.vocabulary))
    let loss = try network.gradients(
      batch.inputs, batch.targets, sequences: 8, length: 32)
    compression.convertGradients()
    #expect(abs(loss - 3.5085737705230713) < 2e-5)
    #expect(abs(compression.meanDepth - 1.8826432291666666) < 1e-6)
    func expectClose(_ found: [Float], _ name: String) throws {
      let wanted = try wanted(name)
      let largest = wanted.reduce(0) { max($0, abs($1)) }
      let worst = zip(found, wanted).reduce(0) { max($0, abs($1.0 - $1.1)) }
      #expect(found.count == wanted.count)
      #expect(worst <= 2e-4 * largest, "\(name): off by \(worst / largest)")
    }
    for parameter in network.parameters() where parameter.grid != nil {
      try expectClose(parameter.tensor().array, "quantized." + parameter.name)
    }
    for tensor in network.tensors where tensor.isBlockMatrix {
      try expectClose(unsafe Array(tensor.gradient), "sc.grad." + tensor.name)
      let gradients = try #require(compression.gradients(of: tensor.name))
      try expectClose(gradients.depths, "sc.grad.b." + stem(tensor.name))
      try expectClose(gradients.exponents, "sc.grad.e." + stem(tensor.name))
    }
  }
}
