internal import CAllocations

/// The memory that work asks for: what copies the same array again and again shows in it,
/// whatever the clock says.
public enum Allocations {
  /// False under a sanitizer.
  public static let areCounted = bytes { _ = [UInt8](repeating: 1, count: 1 << 16) } > 0

  /// Bytes that this thread asks for in `body`.
  public static func bytes(of body: () throws -> Void) rethrows -> Int {
    pare_count_allocations()
    try body()
    return Int(pare_allocated_bytes())
  }
}
