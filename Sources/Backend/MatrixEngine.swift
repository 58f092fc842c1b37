internal import CFaults
internal import CKernels
internal import CMatrix

/// What one thread needs to multiply matrices; not to be shared.
@safe
package final class MatrixEngine {
  let handle: OpaquePointer
  /// Set when a product could not be computed, for want of memory.
  package var hasFailed = false
  /// Whether products of bf16 are computed with tiles of our own.
  private let usesTiles: Bool
  private var room = AlignedBuffer(0)
  private var roomByteCount = 0

  /// `usesTiles` is for tests: without it the library computes all products. Throws
  /// `BackendError.outOfMemory`.
  package init(usesTiles: Bool = true) throws {
    self.usesTiles = usesTiles && pare_multiplies_half() != 0
    guard let handle = unsafe pare_matrix_create() else {
      throw BackendError.outOfMemory("matrix products")
    }
    unsafe self.handle = unsafe handle
  }

  deinit { unsafe pare_matrix_destroy(handle) }

  /// Throws when a product has failed.
  package func check() throws {
    if hasFailed { throw BackendError.outOfMemory("matrix products") }
  }

  /// Multiplies m × k by k × n, `count` times. Products without values are not
  /// computed: those with k = 0 leave the result as it is.
  package func multiply(
    _ size: ProductSize, _ a: Operand, _ b: Operand, into c: Operand, _ form: ProductForm
  ) {
    guard size.count > 0, size.m > 0, size.n > 0, size.k > 0 else { return }
    if form.isHalf, usesTiles { return multiplyHalf(size, a, b, into: c, form) }
    var product = pare_product()
    (product.count, product.m, product.n, product.k) = (size.count, size.m, size.n, size.k)
    (product.a_stride, product.a_step, product.a_transposed) = (a.stride, a.step, a.isTransposed)
    (product.b_stride, product.b_step, product.b_transposed) = (b.stride, b.step, b.isTransposed)
    (product.c_stride, product.c_step) = (c.stride, c.step)
    product.adds = form.adds
    product.bf16 = form.isHalf
    product.bf16_output = form.isOutputHalf
    let done = unsafe pare_gemm(
      handle, &product, a.values, b.values, UnsafeMutableRawPointer(mutating: c.values))
    if !done { hasFailed = true }
  }

  private func multiplyHalf(
    _ size: ProductSize, _ a: Operand, _ b: Operand, into c: Operand, _ form: ProductForm
  ) {
    var product = unsafe pare_half_product(
      count: size.count, m: size.m, n: size.n, k: size.k, a_stride: a.stride, b_stride: b.stride,
      c_stride: c.stride, a_step: a.step, b_step: b.step, c_step: c.step,
      a_transposed: a.isTransposed ? 1 : 0, b_transposed: b.isTransposed ? 1 : 0,
      b_packed: b.packed == nil ? 0 : 1, adds: form.adds ? 1 : 0,
      half_output: form.isOutputHalf ? 1 : 0)
    let needed = unsafe pare_half_room(&product)
    if needed > roomByteCount {
      roomByteCount = needed
      room = AlignedBuffer((needed + 3) / 4)
    }
    pare_use_signal_stack()
    unsafe pare_multiply_half(
      &product, a.values.assumingMemoryBound(to: UInt16.self),
      (b.packed ?? b.values).assumingMemoryBound(to: UInt16.self),
      UnsafeMutableRawPointer(mutating: c.values), room.floats)
  }
}

/// How large matrix products are, and how many there are of them.
package struct ProductSize {
  package var count: Int
  package var m: Int
  package var n: Int
  package var k: Int

  package init(count: Int = 1, m: Int, n: Int, k: Int) {
    (self.count, self.m, self.n, self.k) = (count, m, n, k)
  }
}

/// Which numbers a product is made of; sums are always f32.
package struct ProductForm {
  /// Both operands are bf16.
  package var isHalf: Bool
  /// So is the result.
  package var isOutputHalf: Bool
  /// Adds to the result, which is f32.
  package var adds: Bool

  package init(isHalf: Bool, isOutputHalf: Bool = false, adds: Bool = false) {
    (self.isHalf, self.isOutputHalf, self.adds) = (isHalf, isOutputHalf, adds)
  }
}

/// Where a matrix of a product is in memory.
@safe
package struct Operand {
  let values: UnsafeRawPointer
  /// Values from one row in memory to the next.
  let stride: Int
  /// Values from one product's matrix to the next one's.
  let step: Int
  /// Whether its rows in memory are the product's columns.
  let isTransposed: Bool
  /// The same packed; nil where it is not.
  let packed: UnsafeRawPointer?

  package init(
    _ values: UnsafeRawPointer, stride: Int, step: Int = 0, isTransposed: Bool = false,
    packed: UnsafeRawPointer? = nil
  ) {
    unsafe self.values = unsafe values
    unsafe self.packed = unsafe packed
    (self.stride, self.step, self.isTransposed) = (stride, step, isTransposed)
  }
}

/// Weights of bf16 in the order that products with them read, forward and back; packed anew when
/// they have changed.
package final class PackedHalves {
  private let rows: Int
  private let columns: Int
  private let forward: AlignedBuffer
  private let back: AlignedBuffer

  /// Room for `rows × columns`; nil where no product reads it.
  package init?(rows: Int, columns: Int) {
    guard pare_multiplies_half() != 0, rows > 0, columns > 0 else { return nil }
    (self.rows, self.columns) = (rows, columns)
    forward = AlignedBuffer(pare_packed_half_bytes(rows, columns) / 4)
    back = AlignedBuffer(pare_packed_half_bytes(columns, rows) / 4)
  }

  package func pack(_ weights: UnsafePointer<UInt16>) {
    unsafe pare_pack_half(rows, columns, weights, columns, 1, forward.floats)
    unsafe pare_pack_half(columns, rows, weights, columns, 0, back.floats)
  }

  /// What `pack` made for products with the weights, transposed or not.
  package func place(isTransposed: Bool) -> UnsafeRawPointer {
    unsafe UnsafeRawPointer((isTransposed ? forward : back).floats)
  }
}

extension MatrixEngine {
  /// Whether products of bf16 are faster than those of f32 on this machine.
  package static var hasFastBF16: Bool { pare_multiplies_half() != 0 || pare_matrix_has_bf16() }
}
