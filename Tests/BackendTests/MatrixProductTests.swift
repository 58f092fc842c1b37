import Backend
import CKernels
import TestSupport
import Testing

/// Products of matrices of bf16 are those of the numbers, in every order and form, with tiles and by
/// the library.
@Suite(.enabled(if: MatrixEngine.hasFastBF16)) struct MatrixProductTests {
  struct Size: Sendable {
    var count = 1
    let m: Int
    let n: Int
    let k: Int

    static let all = [
      Size(m: 32, n: 32, k: 32), Size(m: 64, n: 48, k: 96), Size(m: 37, n: 53, k: 71),
      Size(m: 1, n: 1, k: 1), Size(m: 33, n: 17, k: 1100), Size(m: 5, n: 700, k: 900),
      Size(count: 3, m: 16, n: 40, k: 24),
    ]
  }

  enum Output: CaseIterable { case full, added, half }

  @Test(arguments: Size.all, Output.allCases)
  func theProductIsThatOfTheNumbers(size: Size, output: Output) throws {
    for usesTiles in [true, false] {
      let engine = try MatrixEngine(usesTiles: usesTiles)
      for (isATransposed, isBTransposed) in [
        (false, false), (false, true), (true, false), (true, true),
      ] {
        let a = Halves(size.count, size.m, size.k, isTransposed: isATransposed, seed: 1)
        let b = Halves(size.count, size.k, size.n, isTransposed: isBTransposed, seed: 2)
        let found = unsafe product(engine, size, a, b, output)
        expect(found, size, a, b, output, "tiles \(usesTiles), \(isATransposed) \(isBTransposed)")
      }
      try engine.check()
    }
  }

  @Test(arguments: Size.all.filter { $0.count == 1 })
  func packedWeightsGiveTheSame(size: Size) throws {
    // Weights of n × k, forward and back.
    let weights = Halves(1, size.k, size.n, isTransposed: true, seed: 3)
    guard let packed = PackedHalves(rows: size.n, columns: size.k) else { return }
    let engine = try MatrixEngine()
    let tight = weights.tight
    unsafe tight.withUnsafeBufferPointer { values in
      guard let start = values.baseAddress else { return }
      unsafe packed.pack(start)
    }
    for isBack in [false, true] {
      let shape =
        isBack ? Size(m: size.m, n: size.k, k: size.n) : Size(m: size.m, n: size.n, k: size.k)
      let a = Halves(1, shape.m, shape.k, isTransposed: false, seed: 4)
      let place = unsafe packed.place(isTransposed: !isBack)
      let found = unsafe product(engine, shape, a, weights, .full, packed: place)
      let b = isBack ? weights.turned : weights
      expect(found, shape, a, b, .full, "back \(isBack)")
    }
  }

  /// Rows of the output are further apart than they are long; what is between stays.
  private static let gap = 3

  private func product(
    _ engine: MatrixEngine, _ size: Size, _ a: Halves, _ b: Halves, _ output: Output,
    packed: UnsafeRawPointer? = nil
  ) -> [Float] {
    let stride = size.n + Self.gap
    var full = [Float](repeating: 1, count: size.count * size.m * stride)
    var half = [UInt16](repeating: 0x3f80, count: full.count)
    let form = ProductForm(isHalf: true, isOutputHalf: output == .half, adds: output == .added)
    unsafe a.values.withUnsafeBytes { aBytes in
      unsafe b.values.withUnsafeBytes { bBytes in
        guard let aStart = aBytes.baseAddress, let bStart = bBytes.baseAddress else { return }
        func run(_ c: UnsafeMutableRawBufferPointer) {
          guard let start = c.baseAddress else { return }
          unsafe engine.multiply(
            ProductSize(count: size.count, m: size.m, n: size.n, k: size.k),
            Operand(aStart, stride: a.stride, step: a.step, isTransposed: a.isTransposed),
            Operand(
              bStart, stride: b.stride, step: b.step, isTransposed: b.isTransposed,
              packed: packed),
            into: Operand(start, stride: stride, step: size.m * stride), form)
        }
        if output == .half {
          unsafe half.withUnsafeMutableBytes { unsafe run($0) }
        } else {
          unsafe full.withUnsafeMutableBytes { unsafe run($0) }
        }
      }
    }
    return output == .half ? half.map { Float(bitPattern: UInt32($0) << 16) } : full
  }

  private func expect(
    _ found: [Float], _ size: Size, _ a: Halves, _ b: Halves, _ output: Output, _ what: String
  ) {
    let stride = size.n + Self.gap
    for index in 0..<size.count {
      for row in 0..<size.m {
        for column in 0..<stride {
          let value = Double(found[(index * size.m + row) * stride + column])
          guard column < size.n else {
            #expect(value == 1, "\(what): something was written behind row \(row)")
            continue
          }
          var (sum, magnitude) = (output == .added ? 1.0 : 0, 1.0)
          for k in 0..<size.k {
            let term = Double(a[index, row, k]) * Double(b[index, k, column])
            sum += term
            magnitude += abs(term)
          }
          let bound = output == .half ? abs(sum) / 256 + magnitude * 1e-6 : magnitude * 1e-6
          guard abs(value - sum) > bound else { continue }
          Issue.record("\(what): \(value) for \(sum) at \(index), \(row), \(column)")
          return
        }
      }
    }
  }
}

/// Matrices of bf16 in either order, their rows further apart than they are long.
private struct Halves {
  let values: [UInt16]
  let stride: Int
  let step: Int
  let isTransposed: Bool
  private let columns: Int

  init(_ count: Int, _ rows: Int, _ columns: Int, isTransposed: Bool, seed: UInt64) {
    var random = SplitMix64(seed: seed)
    self.isTransposed = isTransposed
    self.columns = isTransposed ? rows : columns
    stride = self.columns + 5
    step = (isTransposed ? columns : rows) * stride
    values = (0..<count * step).map { _ in
      UInt16(truncatingIfNeeded: Float.random(in: -1...1, using: &random).bitPattern >> 16)
    }
  }

  private init(_ values: [UInt16], _ stride: Int, _ step: Int, _ isTransposed: Bool, _ columns: Int)
  {
    (self.values, self.stride, self.step) = (values, stride, step)
    (self.isTransposed, self.columns) = (isTransposed, columns)
  }

  subscript(index: Int, row: Int, column: Int) -> Float {
    let place = isTransposed ? column * stride + row : row * stride + column
    return Float(bitPattern: UInt32(values[index * step + place]) << 16)
  }

  /// The same numbers taken the other way round.
  var turned: Halves { Halves(values, stride, step, !isTransposed, columns) }

  /// Rows of memory one after the other.
  var tight: [UInt16] {
    (0..<step / stride).flatMap { values[$0 * stride..<$0 * stride + columns] }
  }
}
