internal import Backend
internal import Transformers

/// Brings all singular values of a matrix near 1 by Newton–Schulz steps
/// X ← aX + (bA + cA²)X with A = XXᵀ (Jordan et al., 2024). For one thread.
///
/// Of a matrix with more rows than columns A is XᵀX and stands on the right, so
/// that it is always the smaller of the two.
final class Orthogonalizer {
  /// They raise small singular values as fast as possible; large ones settle in
  /// about 0.7…1.2.
  private static let coefficients: (a: Float, b: Float, c: Float) = (3.4445, -4.7750, 2.0315)
  /// Keeps the norm of a matrix of zeros from dividing by 0.
  private static let tiny = 1e-7

  private let engine: MatrixEngine
  private let isHalf: Bool
  private var size = 0
  private var side = 0
  /// The matrix, and the place of its successor.
  private var x = AlignedBuffer(0)
  private var next = AlignedBuffer(0)
  /// A, A² in f32, and the polynomial of A.
  private var gram = AlignedBuffer(0)
  private var square = AlignedBuffer(0)
  private var polynomial = AlignedBuffer(0)

  /// Throws `BackendError`.
  init(isHalf: Bool) throws {
    engine = try MatrixEngine()
    self.isHalf = isHalf
  }

  private func reserve(_ rows: Int, _ columns: Int) {
    let (size, side) = (rows * columns, min(rows, columns))
    guard size > self.size || side > self.side else { return }
    self.size = max(size, self.size)
    self.side = max(side, self.side)
    func activations(_ count: Int) -> AlignedBuffer {
      AlignedBuffer(isHalf ? (count + 1) / 2 : count)
    }
    x = activations(self.size)
    next = activations(self.size)
    gram = activations(self.side * self.side)
    square = AlignedBuffer(self.side * self.side)
    polynomial = activations(self.side * self.side)
  }

  /// Calls `body` with the result, of bf16 where `isHalf` says so. Throws
  /// `BackendError`.
  func run(
    _ values: UnsafePointer<Float>, rows: Int, columns: Int, iterations: Int,
    _ body: (UnsafeRawPointer, _ isHalf: Bool) -> Void
  ) throws {
    reserve(rows, columns)
    let squares = unsafe Processor.squaredNorm(rows * columns, values)
    let scale = Float(1 / (squares.squareRoot() + Orthogonalizer.tiny))
    unsafe Processor.scaled(rows * columns, scale, values, into: x.floats, isHalf: isHalf)
    for _ in 0..<iterations { step(rows, columns) }
    try engine.check()
    unsafe body(x.floats, isHalf)
  }

  private func step(_ rows: Int, _ columns: Int) {
    let isWide = rows <= columns
    let (side, other) = isWide ? (rows, columns) : (columns, rows)
    let form = ProductForm(isHalf: isHalf, isOutputHalf: isHalf)
    let matrix = unsafe Operand(x.floats, stride: columns)
    let transposed = unsafe Operand(x.floats, stride: columns, isTransposed: true)
    let gram = unsafe Operand(self.gram.floats, stride: side)
    engine.multiply(
      ProductSize(m: side, n: side, k: other), isWide ? matrix : transposed,
      isWide ? transposed : matrix, into: gram, form)
    // A is symmetric, so that A·A may be read as A·Aᵀ.
    unsafe engine.multiply(
      ProductSize(m: side, n: side, k: side), gram, gram,
      into: Operand(square.floats, stride: side), ProductForm(isHalf: isHalf))
    let (a, b, c) = Orthogonalizer.coefficients
    unsafe Processor.polynomial(
      side, a, b, c, self.gram.floats, square.floats, into: self.polynomial.floats,
      isHalf: isHalf)
    let polynomial = unsafe Operand(self.polynomial.floats, stride: side)
    unsafe engine.multiply(
      ProductSize(m: rows, n: columns, k: side), isWide ? polynomial : matrix,
      isWide ? matrix : polynomial, into: Operand(next.floats, stride: columns), form)
    swap(&x, &next)
  }
}
