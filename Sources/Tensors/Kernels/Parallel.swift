import Dispatch
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Data-parallel loops over weights.
public enum Parallel {
  /// As many threads as the machine has processors for us.
  public static let defaultThreads = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))

  /// Threads that Dispatch can use, the caller among them; found out once.
  private static let usable = 1 + StartableThreads.count(upTo: defaultThreads)

  /// Weights a unit of work covers. A multiple of 64, so that units write to
  /// words of their own in a mask; fixed, so that no result depends on threads.
  package static let chunk = 1 << 16

  /// Weights a unit of work covers where it fills new memory: a large page of them
  /// (`WeightMemory`), as two threads that touch one first would wait for each other.
  package static func chunk(filling count: Int) -> Int {
    let page = 1 << 19
    return count >= 8 * page ? page : chunk
  }

  /// Calls `body` with 0..<`count`, each number once, on up to `threads`
  /// threads at a time, the caller among them. Asks `shouldStop` before each
  /// call; false comes back when it stopped the loop, and then some numbers
  /// were left out.
  @discardableResult
  public static func forEach(
    count: Int, threads: Int = defaultThreads, shouldStop: @Sendable () -> Bool = { false },
    _ body: @Sendable (Int) -> Void
  ) -> Bool {
    let next = Atomic(0)
    let stopped = Atomic(false)
    @Sendable func work() {
      while true {
        let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard index < count, !stopped.load(ordering: .relaxed) else { return }
        if shouldStop() {
          stopped.store(true, ordering: .relaxed)
          return
        }
        body(index)
      }
    }
    let workers = min(threads, count)
    if workers > 1, usable > 1 {
      DispatchQueue.concurrentPerform(iterations: min(workers, usable)) { _ in work() }
    } else {
      work()
    }
    return !stopped.load(ordering: .relaxed)
  }

  /// How many chunks `count` weights make.
  package static func chunks(_ count: Int, of size: Int = chunk) -> Int {
    (count + size - 1) / size
  }

  /// The weights of a chunk.
  package static func range(_ index: Int, of count: Int, size: Int = chunk) -> Range<Int> {
    index * size..<min(count, (index + 1) * size)
  }
}

/// Memory that several threads work on at once.
///
/// `@unchecked Sendable`: whoever makes one sees to it that no two threads write
/// to the same place and that nobody reads what another writes.
@unsafe
package struct Shared<Pointer>: @unchecked Sendable {
  package let pointer: Pointer

  package init(_ pointer: Pointer) { unsafe self.pointer = pointer }
}
