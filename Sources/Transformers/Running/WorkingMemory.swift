internal import Glibc

/// Whether there is memory for what a network computes on the way. Its size is a
/// product of sizes that a small file may claim.
enum WorkingMemory {
  /// Half of the machine's memory, in bytes.
  private static let limit =
    max(sysconf(Int32(_SC_PHYS_PAGES)), 1) / 2 * max(sysconf(Int32(_SC_PAGESIZE)), 4096)

  /// Of the machine, in bytes.
  static var machine: Int { 2 * limit }

  /// Throws `NetworkError.outOfMemory` when buffers of f32 values are too large
  /// together; each is given by the factors of its count.
  static func require(_ buffers: [[Int]], for purpose: String) throws {
    var rest = limit / MemoryLayout<Float>.stride
    for factors in buffers {
      var count = 1
      for factor in factors {
        let (product, overflow) = count.multipliedReportingOverflow(by: factor)
        guard !overflow, product <= rest else { throw NetworkError.outOfMemory(purpose) }
        count = product
      }
      rest -= count
    }
  }
}
