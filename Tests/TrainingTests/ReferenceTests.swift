import CheckpointIO
import Foundation
import Tensors
import TestSupport
import Testing
import Training
import Transformers

/// Agreement with a training step that was computed in float64 by somebody else.
@Suite(.enabled(if: SharedData.isPresent)) struct ReferenceTests {
  static let sequences = 8
  static let length = 32

  static func batch(_ vocabulary: [String]) throws -> (inputs: [Int32], targets: [Int32]) {
    let text = try String(
      contentsOfFile: SharedData.path("shakespeare-char/input.txt"), encoding: .utf8)
    let places = Dictionary(
      vocabulary.enumerated().map { ($0.element, Int32($0.offset)) }, uniquingKeysWith: { $1 })
    let tokens = text.prefix(sequences * length + 1).compactMap { places[String($0)] }
    return (Array(tokens.dropLast()), Array(tokens.dropFirst()))
  }

  @Test(arguments: [1, 2, 3]) func gradientsAgree(_ threads: Int) throws {
    let checkpoint = try Checkpoint.open(SharedData.path("samples/ckpt.pt"))
    let reference = try Checkpoint.open(
      SharedData.path("samples/training_reference.safetensors"))
    let network = try TrainingNetwork(
      checkpoint.parameters, configuration: checkpoint.configuration, precision: .f32,
      threads: threads)
    let batch = try Self.batch(try #require(checkpoint.vocabulary))
    let loss = try network.gradients(
      batch.inputs, batch.targets, sequences: Self.sequences, length: Self.length)
    #expect(abs(loss - 2.6260688304901123) < 1e-5)
    for tensor in network.tensors {
      let wanted = try #require(reference.parameters["grad." + tensor.name]).tensor().array
      let largest = wanted.reduce(0) { max($0, abs($1)) }
      let worst = unsafe zip(tensor.gradient, wanted).reduce(0) { max($0, abs($1.0 - $1.1)) }
      #expect(worst <= 1e-4 * largest, "\(tensor.name): off by \(worst / largest)")
    }
  }
}
