import CheckpointIO
import Foundation
import Models
import Tensors
import Testing
import Training
import Transformers

/// Models of every family compress themselves where each matrix of the file is one layer and has
/// no bias, as far as channels are to go.
@Suite struct FamilyCompressionTests {
  static let all = FamilyGradientTests.dense.filter { path in
    (try? FamilyGradientTests.network(path)).map {
      (try? SelfCompression($0, CompressionSettings())) != nil
    } ?? false
  }

  @Test func onlyFusedMatricesAreRefused() {
    let refused = FamilyGradientTests.dense.filter { !Self.all.contains($0) }.map {
      URL(fileURLWithPath: $0).lastPathComponent
    }
    #expect(refused.sorted() == ["gpt_neox", "gpt_neox_sequential", "phi3", "phi3_longrope"])
  }

  /// Channels without bits go, and nothing else changes.
  @Test(arguments: all) func removalChangesNothing(_ path: String) throws {
    let network = try FamilyGradientTests.network(path)
    let compression = try SelfCompression(network, CompressionSettings())
    // Here and there, and one head of keys and values with all that read it.
    let width = network.configuration.headWidth
    compression.setDepths { name, row, depth in
      let isHead = name.contains("0.self_attn.v_proj") && row < width
      return isHead || (row &* 2_654_435_761) % 7 < 3 ? 0 : depth
    }
    let inputs = FamilyGradientTests.tokens(40, seed: 1, network)
    let targets = FamilyGradientTests.tokens(40, seed: 2, network)
    func loss() throws -> Double {
      try network.gradients(inputs, targets, sequences: 2, length: 20)
    }
    let before = (try loss(), network.parameters())
    let gradients = network.tensors.map { unsafe ($0.shape, Array($0.gradient)) }
    let isBiased = network.tensors.contains { $0.place.role == .bias }
    #expect(network.removeDeadChannels().isEmpty == isBiased)
    #expect(network.removeDeadChannels().isEmpty)
    let after = (try loss(), network.parameters())
    #expect(abs(before.0 - after.0) < 1e-5 * before.0)
    for (tensor, (shape, wanted)) in zip(network.tensors, gradients) where tensor.shape == shape {
      let found = unsafe Array(tensor.gradient)
      let largest = wanted.reduce(0) { max($0, abs($1)) }
      for (a, b) in zip(wanted, found) { #expect(abs(a - b) <= 1e-4 * largest + 1e-9) }
    }
    let configuration = try Checkpoint.open(path).configuration
    let stored = try [before.1, after.1].map {
      try Network.make($0, configuration: configuration).evaluate(inputs.map(Int.init)).loss
    }
    #expect(abs(stored[0] - stored[1]) < 1e-5 * stored[0])
  }

  /// Saved and restored after channels have gone, a run is the same to the last bit.
  @Test(arguments: all) func resumesToTheSameBytes(_ path: String) throws {
    let checkpoint = try Checkpoint.open(path)
    let size = try FamilyGradientTests.network(path).configuration.vocabulary
    let vocabulary = (0..<size).compactMap { UnicodeScalar(0x4E00 + $0).map { String($0) } }
    let text = (0..<400).map { vocabulary[($0 * $0 + 7 * $0) % size] }.joined()
    var settings = CompressionRunTests.settings(CompressionRunTests.fast, steps: 30)
    settings.compression?.removeEvery = 4
    func trainer(_ parameters: Parameters) throws -> Trainer {
      try Trainer(
        TrainingNetwork(
          parameters, configuration: checkpoint.configuration, precision: .f32, threads: 2),
        on: TrainingText(text, vocabulary: vocabulary), settings)
    }
    func start() throws -> Trainer {
      let trainer = try trainer(checkpoint.parameters)
      trainer.compression?.setDepths { _, row, depth in row % 5 < 2 ? 0 : depth }
      return trainer
    }
    let whole = try start()
    let losses = try CompressionRunTests.run(whole, to: 14).map(\.loss)
    let first = try start()
    let early = try CompressionRunTests.run(first, to: 9).map(\.loss)
    let state = first.state()
    let second = try trainer(state)
    try second.restore(first.progress, state)
    #expect(early + (try CompressionRunTests.run(second, to: 14).map(\.loss)) == losses)
    for (a, b) in zip(whole.network.parameters(), second.network.parameters()) {
      #expect(try a.tensor().array == b.tensor().array)
      #expect(a.grid == b.grid)
    }
  }
}
