import Tensors
import TestSupport
import Testing
import Training
import Transformers

/// The backward pass is the derivative of the forward pass.
@Suite struct GradientTests {
  /// Along a random direction of each tensor, (L(w + εd) − L(w − εd)) / 2ε is g · d.
  /// Sequences longer than a tile of attention, and dropout, whose hash gives the same
  /// network every time.
  @Test(arguments: [
    (false, false, Float(0)), (true, false, 0), (true, true, 0), (false, false, 0.3),
  ])
  func agreesWithFiniteDifferences(
    _ hasBias: Bool, _ isTanh: Bool, _ dropout: Float
  ) throws {
    let network = try SmallModel.network(hasBias: hasBias, isTanh: isTanh)
    let (sequences, length) = (2, 70)
    let inputs = SmallModel.tokens(sequences * length, seed: 3)
    let targets = SmallModel.tokens(sequences * length, seed: 4)
    func loss() throws -> Double {
      try network.gradients(
        inputs, targets, sequences: sequences, length: length, dropout: dropout, seed: 5)
    }
    try RandomDirection.forEach(of: network, step: { 0.02 / $1 }, loss: loss) { direction in
      let difference =
        (try direction.loss(1) - direction.loss(-1)) / Double(2 * direction.step)
      let error = abs(difference - direction.product)
      #expect(
        error <= 2e-3 * direction.bound / 4 + 1e-5,
        "\(direction.tensor.name): \(direction.product), not \(difference)")
    }
  }

  @Test(arguments: [Precision.f32, .bf16])
  func sameBitsForSameThreads(_ precision: Precision) throws {
    let inputs = SmallModel.tokens(5 * 30, seed: 1)
    let targets = SmallModel.tokens(5 * 30, seed: 2)
    var found: [Int: [[Float]]] = [:]
    for threads in [1, 2, 3, 8, 3, 2, 1] {
      let network = try SmallModel.network(precision: precision, threads: threads)
      _ = try network.gradients(inputs, targets, sequences: 5, length: 30, dropout: 0.1, seed: 9)
      let gradients = network.tensors.map { unsafe Array($0.gradient) }
      if let known = found[threads] { #expect(known == gradients) }
      found[threads] = gradients
    }
  }

  /// Two halves, each counted half, give the whole.
  @Test func accumulationAddsUp() throws {
    let network = try SmallModel.network(threads: 2)
    let inputs = SmallModel.tokens(4 * 30, seed: 1)
    let targets = SmallModel.tokens(4 * 30, seed: 2)
    let whole = try network.gradients(inputs, targets, sequences: 4, length: 30)
    let wanted = network.tensors.map { unsafe Array($0.gradient) }
    var parts = 0.0
    for half in 0..<2 {
      let range = half * 60..<(half + 1) * 60
      parts += try network.gradients(
        Array(inputs[range]), Array(targets[range]), sequences: 2, length: 30,
        accumulate: half > 0, weight: 0.5)
    }
    #expect(abs(parts / 2 - whole) < 1e-6)
    for (tensor, wanted) in zip(network.tensors, wanted) {
      let found = unsafe Array(tensor.gradient)
      let largest = wanted.reduce(0) { max($0, abs($1)) }
      for (a, b) in zip(found, wanted) { #expect(abs(a - b) <= 1e-5 * largest) }
    }
  }

  /// The loss is the one that evaluation finds.
  @Test func lossAgreesWithEvaluation() throws {
    let text = SmallModel.tokens(31, seed: 1)
    let network = try SmallModel.network(hasBias: true)
    let loss = try network.gradients(
      Array(text.dropLast()), Array(text.dropFirst()), sequences: 1, length: 30)
    let evaluated = try Network.make(
      network.parameters(), configuration: ["n_head": "2", "activation_function": "gelu"]
    ).evaluate(text.map(Int.init))
    #expect(abs(loss - evaluated.loss) < 1e-5)
  }

  @Test func refusesWhatDoesNotFit() throws {
    let network = try SmallModel.network()
    #expect(throws: NetworkError.self) {
      try network.gradients([99], [0], sequences: 1, length: 1)
    }
    #expect(throws: NetworkError.self) {
      try network.gradients([0], [-1], sequences: 1, length: 1)
    }
    let long = SmallModel.tokens(76, seed: 1)
    #expect(throws: NetworkError.self) {
      try network.gradients(long, long, sequences: 1, length: 76)
    }
  }
}
