internal import Backend
internal import Tensors
internal import Transformers

/// How quick the matrix products of a training step are: the four layers of a block,
/// 384 wide, forward, for the input's gradient and for the weights', on 16 windows of
/// 256 tokens, a window at a time on each thread, as training has them.
struct ProductFigures {
  struct Rate {
    let gigaflops: Double
    /// What the threads reach in registers alone, in the fastest unit; nil where that is not
    /// known.
    let peak: Double?
    let unit: ProductUnit?

    var share: Double? { peak.map { gigaflops / $0 } }
  }

  let f32: Rate
  let bf16: Rate

  private static let windows = 16
  private static let rows = 256
  private static let width = 384
  /// Outputs and inputs of the layers.
  private static let layers = [
    (3 * width, width), (width, width), (4 * width, width), (width, 4 * width),
  ]
  /// Room for the largest matrix.
  private static let part = 4 * width * max(width, rows)
  private static let repetitions = 6
  private static let peakRounds: Int64 = 4_000_000

  /// Throws `BackendError`.
  static func measure(threads: Int) throws -> ProductFigures {
    let crew = try Crew(threads: threads)
    return ProductFigures(
      f32: try measure(crew, isHalf: false), bf16: try measure(crew, isHalf: true))
  }

  private static func measure(_ crew: Crew, isHalf: Bool) throws -> Rate {
    let engines = try (0..<crew.threads).map { _ in try MatrixEngine() }
    let rooms = (0..<crew.threads).map { _ in
      let room = AlignedBuffer(3 * part)
      unsafe room.floats.update(repeating: 0, count: 3 * part)
      return room
    }
    var operations = 0.0
    for (outputs, inputs) in layers {
      operations += 3 * 2 * Double(windows * rows * outputs * inputs)
    }
    let speed = best {
      crew.run(windows) { worker, _ in
        for (outputs, inputs) in layers {
          window(engines[worker], rooms[worker], outputs, inputs, isHalf: isHalf)
        }
      }
      return operations
    }
    let unit = ProductUnit.fastest(isHalf: isHalf)
    let peak = unit.map { unit in
      best {
        crew.run(crew.threads) { _, _ in _ = unit.run(rounds: peakRounds) }
        return Double(crew.threads) * unit.run(rounds: 1) * Double(peakRounds)
      }
    }
    return Rate(gigaflops: speed / 1e9, peak: peak.map { $0 / 1e9 }, unit: unit)
  }

  /// The three products of one layer on one window.
  private static func window(
    _ engine: MatrixEngine, _ room: AlignedBuffer, _ outputs: Int, _ inputs: Int, isHalf: Bool
  ) {
    let (a, b, c) = unsafe (room.floats, room.floats + part, room.floats + 2 * part)
    let form = ProductForm(isHalf: isHalf, isOutputHalf: isHalf)
    unsafe engine.multiply(
      ProductSize(m: rows, n: outputs, k: inputs), Operand(a, stride: inputs),
      Operand(b, stride: inputs, isTransposed: true), into: Operand(c, stride: outputs), form)
    unsafe engine.multiply(
      ProductSize(m: rows, n: inputs, k: outputs), Operand(c, stride: outputs),
      Operand(b, stride: inputs), into: Operand(a, stride: inputs), form)
    unsafe engine.multiply(
      ProductSize(m: outputs, n: inputs, k: rows),
      Operand(c, stride: outputs, isTransposed: true), Operand(a, stride: inputs),
      into: Operand(b, stride: inputs), ProductForm(isHalf: isHalf, adds: true))
  }

  /// The most operations a second.
  private static func best(_ body: () -> Double) -> Double {
    let clock = ContinuousClock()
    var best = 0.0
    for _ in 0..<repetitions {
      var operations = 0.0
      let time = clock.measure { operations = body() }
      best = max(best, operations / (time / .seconds(1)))
    }
    return best
  }
}
