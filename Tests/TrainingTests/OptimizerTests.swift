import CheckpointIO
import Tensors
import TestSupport
import Testing
import Training
import Transformers

/// Optimizers move weights as their papers say.
@Suite struct OptimizerTests {
  /// A network whose gradients are random numbers.
  static func network(
    threads: Int = 1, precision: Precision = .f32, width: Int = 20, seed: UInt64 = 1
  ) throws -> TrainingNetwork {
    let network = try TrainingNetwork(
      SmallModel.parameters(width: width),
      configuration: ["n_head": "2", "activation_function": "gelu"], precision: precision,
      threads: threads)
    var generator = SplitMix64(seed: seed)
    for tensor in network.tensors {
      for index in unsafe tensor.gradient.indices {
        unsafe tensor.gradient[index] = Float.random(in: -1...1, using: &generator)
      }
    }
    return network
  }

  static func values(_ network: TrainingNetwork) -> [[Float]] {
    network.tensors.map { unsafe Array($0.values) }
  }

  /// Several updates with one gradient, in f64 as PyTorch documents them.
  @Test func adamWIsTheFormula() throws {
    let network = try Self.network()
    let before = Self.values(network)
    let rule = AdamW(rate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, decay: 0.1)
    let optimizer = try Optimizer(network, OptimizerSettings(method: .adamw, adamW: rule))
    for _ in 0..<3 { try optimizer.update(factor: 0.5, scale: 0.25) }
    for (tensor, before) in zip(network.tensors, before) {
      for (index, start) in before.enumerated() {
        let g = unsafe Double(tensor.gradient[index]) * 0.25
        var (w, m, v) = (Double(start), 0.0, 0.0)
        var (power1, power2) = (1.0, 1.0)
        for _ in 0..<3 {
          power1 *= 0.9
          power2 *= 0.99
          w *= 1 - 0.005 * (tensor.isMatrix ? 0.1 : 0)
          m = 0.9 * m + 0.1 * g
          v = 0.99 * v + 0.01 * g * g
          w -= 0.005 * (m / (1 - power1)) / ((v / (1 - power2)).squareRoot() + 1e-8)
        }
        let found = unsafe Double(tensor.values[index])
        #expect(abs(found - w) <= 1e-6, "\(tensor.name)[\(index)]: \(found), not \(w)")
      }
    }
  }

  /// Muon's update of the blocks' matrices against Newton–Schulz in f64: wide, tall
  /// and square ones. In bf16 every product rounds to 2⁻⁹ of its values.
  @Test(arguments: [(Precision.f32, 1e-4), (.bf16, 0.03)])
  func muonIsTheFormula(_ precision: Precision, _ tolerance: Double) throws {
    let network = try Self.network(precision: precision)
    let before = Self.values(network)
    let settings = OptimizerSettings(
      method: .muon, adamW: AdamW(rate: 0), muon: Muon(rate: 0.5, momentum: 0.95))
    let optimizer = try Optimizer(network, settings)
    for _ in 0..<2 { try optimizer.update(factor: 0.5) }
    for (tensor, before) in zip(network.tensors, before) {
      let found = unsafe zip(before, tensor.values).map { Double($0) - Double($1) }
      guard tensor.isBlockMatrix else {
        #expect(found.allSatisfy { $0 == 0 }, "\(tensor.name)")
        continue
      }
      let gradient = unsafe tensor.gradient.map(Double.init)
      let (rows, columns) = (tensor.shape.rows, tensor.shape.columns)
      let scale = 0.25 * max(1, Double(rows) / Double(columns)).squareRoot()
      // After one update the momentum is g, after two 1.95·g: one direction.
      let wanted = Matrix(rows, columns, gradient).orthogonalized(5).values.map {
        2 * scale * $0
      }
      let error = zip(found, wanted).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      let size = wanted.reduce(0) { $0 + $1 * $1 }
      #expect((error / size).squareRoot() <= tolerance, "\(tensor.name)")
    }
  }

  /// At the sizes of a real block bf16 and f32 make the same step, but for rounding:
  /// products run through other kernels there than in small networks.
  @Test func bf16StepsAsF32At384() throws {
    let steps = try [Precision.f32, .bf16].map { precision in
      let network = try Self.network(threads: 2, precision: precision, width: 384)
      let before = Self.values(network)
      let optimizer = try Optimizer(network, OptimizerSettings(method: .muon))
      try optimizer.update(factor: 1)
      return zip(before, Self.values(network)).map { zip($0, $1).map { Double($0 - $1) } }
    }
    for (one, other) in zip(steps[0], steps[1]) {
      let error = zip(one, other).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      let size = one.reduce(0) { $0 + $1 * $1 }
      #expect((error / size).squareRoot() <= 0.03)
    }
  }

  @Test func muonsMomentumIsNesterovs() throws {
    let network = try Self.network()
    let optimizer = try Optimizer(network, OptimizerSettings(method: .muon))
    let gradients = network.tensors.map { unsafe Array($0.gradient) }
    for _ in 0..<2 { try optimizer.update(factor: 1, scale: 0.5) }
    let state = Parameters(optimizer.state())
    for (tensor, gradient) in zip(network.tensors, gradients) where tensor.isBlockMatrix {
      let momentum = try #require(state["optimizer.momentum." + tensor.name]).tensor().array
      for (m, g) in zip(momentum, gradient) { #expect(abs(m - 1.95 * 0.5 * g) <= 1e-6) }
    }
  }

  @Test(arguments: [OptimizerSettings.Method.adamw, .muon])
  func threadsChangeNothing(_ method: OptimizerSettings.Method) throws {
    let found = try [1, 2, 5].map { threads in
      let network = try Self.network(threads: threads, precision: .bf16)
      let optimizer = try Optimizer(network, OptimizerSettings(method: method))
      let norm = optimizer.gradientNorm(scale: 0.5).norm
      for _ in 0..<3 { try optimizer.update(factor: 1) }
      return (norm, Self.values(network))
    }
    for other in found.dropFirst() {
      #expect(other.0 == found[0].0)
      #expect(other.1 == found[0].1)
    }
  }

  @Test func normIsThatOfAllGradients() throws {
    let network = try Self.network(threads: 2)
    let optimizer = try Optimizer(network, OptimizerSettings(method: .adamw))
    let squares = network.tensors.reduce(0.0) { sum, tensor in
      unsafe tensor.gradient.reduce(sum) { $0 + Double($1) * Double($1) }
    }
    let (norm, broken) = optimizer.gradientNorm(scale: 0.5)
    #expect(abs(norm - 0.5 * squares.squareRoot()) <= 1e-9 * norm)
    #expect(broken == nil)
    unsafe network.tensors[3].gradient[5] = .nan
    unsafe network.tensors[6].gradient[0] = .infinity
    #expect(optimizer.gradientNorm().broken?.name == network.tensors[3].name)
  }

  /// A gradient of 0 moves nothing, and nothing becomes NaN.
  @Test(arguments: [OptimizerSettings.Method.adamw, .muon])
  func noGradientNoStep(_ method: OptimizerSettings.Method) throws {
    let network = try Self.network()
    for tensor in network.tensors { unsafe tensor.gradient.update(repeating: 0) }
    let before = Self.values(network)
    let settings = OptimizerSettings(method: method, adamW: AdamW(decay: 0))
    try Optimizer(network, settings).update(factor: 1)
    #expect(Self.values(network) == before)
  }
}

/// Three steps of AdamW that PyTorch made in f64.
@Suite(.enabled(if: SharedData.isPresent)) struct AdamWReferenceTests {
  @Test func threeStepsAgree() throws {
    let checkpoint = try Checkpoint.open(SharedData.path("samples/ckpt.pt"))
    let reference = try Checkpoint.open(
      SharedData.path("samples/training_reference.safetensors"))
    let network = try TrainingNetwork(
      checkpoint.parameters, configuration: checkpoint.configuration, precision: .f32,
      threads: 2)
    let batch = try ReferenceTests.batch(try #require(checkpoint.vocabulary))
    let optimizer = try Optimizer(network, OptimizerSettings(method: .adamw))
    let losses = [2.6260688304901123, 2.535060405731201, 2.4790618419647217, 2.4295802116394043]
    for wanted in losses {
      let loss = try network.gradients(
        batch.inputs, batch.targets, sequences: ReferenceTests.sequences,
        length: ReferenceTests.length)
      #expect(abs(loss - wanted) <= 1e-5)
      guard wanted != losses.last else { break }
      let norm = optimizer.gradientNorm().norm
      try optimizer.update(factor: 1, scale: Float(min(1 / (norm + 1e-6), 1)))
    }
    for tensor in network.tensors {
      let wanted = try #require(reference.parameters["adamw3." + tensor.name]).tensor().array
      let worst = unsafe zip(tensor.values, wanted).reduce(0) { max($0, abs($1.0 - $1.1)) }
      // Of three steps of 1e-3 each; where a gradient is nearly 0 its sign decides.
      #expect(worst <= 2e-5, "\(tensor.name): off by \(worst)")
    }
  }
}

/// A plain matrix of f64.
struct Matrix {
  let rows: Int
  let columns: Int
  var values: [Double]

  init(_ rows: Int, _ columns: Int, _ values: [Double]) {
    (self.rows, self.columns, self.values) = (rows, columns, values)
  }

  var transposed: Matrix {
    Matrix(
      columns, rows,
      (0..<columns).flatMap { column in (0..<rows).map { values[$0 * columns + column] } })
  }

  static func * (a: Matrix, b: Matrix) -> Matrix {
    var product = Matrix(a.rows, b.columns, Array(repeating: 0, count: a.rows * b.columns))
    for i in 0..<a.rows {
      for k in 0..<a.columns {
        for j in 0..<b.columns {
          product.values[i * b.columns + j] +=
            a.values[i * a.columns + k]
            * b.values[k * b.columns + j]
        }
      }
    }
    return product
  }

  /// X ← aX + (bA + cA²)X, A = XXᵀ, from X / ‖X‖.
  func orthogonalized(_ iterations: Int) -> Matrix {
    let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    var x = Matrix(rows, columns, values.map { $0 / norm })
    if rows > columns { x = x.transposed }
    for _ in 0..<iterations {
      let a = x * x.transposed
      let square = a * a
      let polynomial = Matrix(
        a.rows, a.columns, zip(a.values, square.values).map { -4.7750 * $0 + 2.0315 * $1 })
      let product = polynomial * x
      x.values = zip(x.values, product.values).map { 3.4445 * $0 + $1 }
    }
    return rows > columns ? x.transposed : x
  }
}
