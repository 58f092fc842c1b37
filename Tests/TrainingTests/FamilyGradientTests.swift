import CheckpointIO
import Foundation
import Models
import Tensors
import TestSupport
import Testing
import Training
import Transformers

/// The backward pass of every dense family in `Checkpoints/families`.
@Suite struct FamilyGradientTests {
  static let all: [String] = {
    let root = SharedData.packageRoot + "/Checkpoints/families"
    return ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []).sorted().map {
      root + "/" + $0
    }
  }()

  static let dense = all.filter { (try? network($0)) != nil }

  static func network(
    _ path: String, precision: Precision = .f32, threads: Int = 1
  ) throws -> TrainingNetwork {
    let checkpoint = try Checkpoint.open(path)
    return try TrainingNetwork(
      checkpoint.parameters, configuration: checkpoint.configuration, precision: precision,
      threads: threads)
  }

  static func tokens(_ count: Int, seed: UInt64, _ network: TrainingNetwork) -> [Int32] {
    var generator = SplitMix64(seed: seed)
    let vocabulary = Int32(network.configuration.vocabulary)
    return (0..<count).map { _ in Int32.random(in: 0..<vocabulary, using: &generator) }
  }

  @Test func onlyExpertsAreNotTrained() {
    let others = Self.all.filter { !Self.dense.contains($0) }.map {
      URL(fileURLWithPath: $0).lastPathComponent
    }
    #expect(others.sorted() == ["gpt_oss", "mixtral", "olmoe", "qwen2_moe", "qwen3_moe"])
    for path in Self.all where !Self.dense.contains(path) {
      #expect(throws: NetworkError.badSetting("Mixtures of experts are not trained.")) {
        try Self.network(path)
      }
    }
  }

  /// Along a random direction of each tensor, the loss grows by g · d, in
  /// sequences longer than any window of these models, with dropout too.
  @Test(arguments: dense, [Float(0), 0.2])
  func agreesWithFiniteDifferences(_ path: String, _ dropout: Float) throws {
    let network = try Self.network(path)
    let (sequences, length) = (2, 24)
    let inputs = Self.tokens(sequences * length, seed: 3, network)
    let targets = Self.tokens(sequences * length, seed: 4, network)
    func loss() throws -> Double {
      try network.gradients(
        inputs, targets, sequences: sequences, length: length, dropout: dropout, seed: 5)
    }
    func step(_ values: [Float], _ norm: Float) -> Float {
      0.01 * max(values.reduce(0) { $0 + $1 * $1 }.squareRoot(), 0.1) / norm
    }
    try RandomDirection.forEach(of: network, step: step, loss: loss) { direction in
      // Of fourth order: the third derivative is left out.
      let near = try direction.loss(1) - direction.loss(-1)
      let far = try direction.loss(2) - direction.loss(-2)
      let difference = (8 * near - far) / Double(12 * direction.step)
      let error = abs(difference - direction.product)
      #expect(
        error <= 1e-3 * direction.bound + 2e-6 / Double(direction.step),
        "\(direction.tensor.name): \(direction.product), not \(difference)")
    }
  }

  private struct Reference: Decodable {
    let loss: Double
    /// The norm of each gradient, and its product with cos 1, cos 2, ….
    let gradients: [String: [Double]]
  }

  /// Numbers of a linear congruential generator (Knuth's MMIX).
  private static func numbers(_ count: Int, seed: UInt64, below limit: Int) -> [Int32] {
    var state = seed
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int32((state >> 33) % UInt64(limit))
    }
  }

  /// The gradients of `Benchmarks/family_gradients.py`.
  @Test(arguments: dense, [1, 2]) func gradientsAreThoseOfPyTorch(
    _ path: String, _ threads: Int
  ) throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: path + "/gradients.json"))
    let reference = try JSONDecoder().decode(Reference.self, from: data)
    let network = try Self.network(path, threads: threads)
    let (sequences, length) = (2, 24)
    let (count, vocabulary) = (sequences * length, network.configuration.vocabulary)
    let loss = try network.gradients(
      Self.numbers(count, seed: 3, below: vocabulary),
      Self.numbers(count, seed: 4, below: vocabulary), sequences: sequences, length: length)
    #expect(abs(loss - reference.loss) < 1e-5 * reference.loss)
    let parts = Dictionary(grouping: network.tensors, by: \.name)
    #expect(Set(parts.keys) == Set(reference.gradients.keys))
    for (name, parts) in parts {
      guard let wanted = reference.gradients[name] else { continue }
      let shape = parts[0].wholeShape
      var whole = [Float](repeating: 0, count: shape.count)
      unsafe whole.withUnsafeMutableBufferPointer { whole in
        for part in parts {
          unsafe part.selection.scatter(
            part.gradient.baseAddress.unsafelyUnwrapped,
            to: whole.baseAddress.unsafelyUnwrapped, shape)
        }
      }
      let norm = whole.reduce(0.0) { $0 + Double($1 * $1) }.squareRoot()
      let product = whole.enumerated().reduce(0.0) {
        $0 + Double($1.element) * cos(Double($1.offset + 1))
      }
      #expect(abs(norm - wanted[0]) <= 1e-4 * wanted[0], "\(name): \(norm), not \(wanted[0])")
      #expect(
        abs(product - wanted[1]) <= 1e-4 * wanted[0], "\(name): \(product), not \(wanted[1])")
    }
  }

  /// The loss is the one that evaluation finds, and so it is after the network was saved.
  @Test(arguments: dense) func lossAgreesWithEvaluation(_ path: String) throws {
    let network = try Self.network(path, threads: 2)
    let text = Self.tokens(21, seed: 1, network)
    let loss = try network.gradients(
      Array(text.dropLast()), Array(text.dropFirst()), sequences: 1, length: 20)
    let evaluated = try Network.make(
      network.parameters(), configuration: Checkpoint.open(path).configuration
    ).evaluate(text.map(Int.init))
    #expect(abs(loss - evaluated.loss) < 2e-5 * evaluated.loss)
  }

  /// bf16 is near f32.
  @Test(arguments: dense) func halvesAgree(_ path: String) throws {
    guard Precision.hasFastBF16 else { return }
    let networks = try [Precision.f32, .bf16].map { try Self.network(path, precision: $0) }
    let (sequences, length) = (2, 24)
    let inputs = Self.tokens(sequences * length, seed: 3, networks[0])
    let targets = Self.tokens(sequences * length, seed: 4, networks[0])
    let losses = try networks.map {
      try $0.gradients(inputs, targets, sequences: sequences, length: length)
    }
    #expect(abs(losses[0] - losses[1]) < 0.01 * losses[0])
    for (full, half) in zip(networks[0].tensors, networks[1].tensors) {
      let (wanted, found) = unsafe (Array(full.gradient), Array(half.gradient))
      func norm(_ values: [Float]) -> Float { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
      let error = norm(zip(wanted, found).map { $0 - $1 })
      #expect(error <= 0.06 * norm(wanted) + 1e-6, "\(full.name): \(error / norm(wanted))")
    }
  }
}
