internal import CMatrix

/// How products are computed.
public enum Precision: String, Sendable, Hashable, CaseIterable {
  /// f32 throughout.
  case f32
  /// Weights and inputs of products rounded to bf16, sums in f32.
  case bf16

  /// Whether it is faster than f32 on this machine.
  public static var hasFastBF16: Bool { pare_matrix_has_bf16() }

  /// Name and version of the library that multiplies matrices.
  public static var matrixLibrary: String { unsafe String(cString: pare_matrix_library()) }
}

/// What one thread needs to multiply matrices; not to be shared.
@safe
final class MatrixEngine {
  let handle: OpaquePointer
  /// Set when a product could not be computed, for want of memory.
  var hasFailed = false

  init() throws {
    guard let handle = unsafe pare_matrix_create() else {
      throw NetworkError.outOfMemory("matrix products")
    }
    unsafe self.handle = unsafe handle
  }

  deinit { unsafe pare_matrix_destroy(handle) }

  /// Throws when a product has failed.
  func check() throws {
    if hasFailed { throw NetworkError.outOfMemory("matrix products") }
  }
}
