internal import Glibc
internal import Synchronization

/// Singular values of matrices, by LAPACK's divide-and-conquer `sgesdd`.
///
/// LAPACK is loaded when it is first asked for: most runs never need it, and
/// starting is to stay quick.
public enum SingularValues {
  /// Why there are none, in one sentence.
  public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
  }

  /// Largest smaller side that is decomposed: 8192 takes about a minute.
  private static let limit = 8_192

  /// The min(rows, columns) singular values, largest first.
  ///
  /// Throws `Failure` when LAPACK is missing, a value is not finite or the
  /// matrix is too large.
  public static func of(_ tensor: Tensor) throws -> [Float] {
    let (rows, columns) = (tensor.shape.rows, tensor.shape.columns)
    guard rows > 0, columns > 0 else { return [] }
    guard min(rows, columns) <= limit, max(rows, columns) <= Int(Int32.max) else {
      throw Failure(description: "a matrix of \(tensor.shape) is too large for a decomposition")
    }
    var values = tensor.array
    guard values.allSatisfy(\.isFinite) else {
      throw Failure(description: "a matrix with NaN or infinite weights has no singular values")
    }
    guard let decompose = unsafe loaded.withLock({ unsafe $0.function }) else {
      throw Failure(description: "the spectrum needs LAPACK (liblapack.so.3), which is missing")
    }
    // Row-major W is column-major Wᵀ, which has the same singular values.
    return unsafe try run(decompose, &values, Int32(columns), Int32(rows))
  }

  private static func run(
    _ decompose: Decompose, _ values: inout [Float], _ m: Int32, _ n: Int32
  ) throws -> [Float] {
    let count = Int(min(m, n))
    var singular = [Float](repeating: 0, count: count)
    var integers = [Int32](repeating: 0, count: 8 * count)
    var work = [Float](repeating: 0, count: 1)
    var info: Int32 = 0
    // The first call, with a length of −1, asks how much room the second needs.
    for length in [-1, 0] {
      var job = CChar(UInt8(ascii: "N"))
      var (m, n, ldu, ldvt) = (m, n, Int32(1), Int32(1))
      var room = length < 0 ? Int32(-1) : Int32(work.count)
      var (u, vt): (Float, Float) = (0, 0)
      var stride = m
      unsafe decompose(
        &job, &m, &n, &values, &stride, &singular, &u, &ldu, &vt, &ldvt, &work, &room, &integers,
        &info, 1)
      if length < 0 { work = [Float](repeating: 0, count: max(1, Int(work[0]))) }
    }
    guard info == 0 else {
      throw Failure(description: "the decomposition did not converge")
    }
    return singular
  }

  /// `sgesdd_` of LAPACK, all arguments by reference, the length of the first
  /// one's text at the end.
  private typealias Decompose =
    @convention(c) (
      UnsafeMutablePointer<CChar>, UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Int32>,
      UnsafeMutablePointer<Float>, UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Float>,
      UnsafeMutablePointer<Float>, UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Float>,
      UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Int32>,
      UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Int32>, Int
    ) -> Void

  @safe
  private struct Library {
    let function: Decompose?

    init() {
      guard let library = unsafe dlopen("liblapack.so.3", RTLD_NOW | RTLD_LOCAL),
        let symbol = unsafe dlsym(library, "sgesdd_")
      else {
        unsafe function = nil
        return
      }
      unsafe function = unsafe unsafeBitCast(symbol, to: Decompose.self)
    }
  }

  private static let loaded = Mutex(Library())
}
