internal import CMatrix

/// A few threads that share out pieces of work lasting from microseconds to
/// seconds. Dispatch takes tens of microseconds to start a piece; a token's
/// thirty products take two milliseconds together.
@safe
package final class Crew {
  private let handle: OpaquePointer
  package let threads: Int

  /// A crew of `threads`, the caller's among them. Used by one thread at a time.
  package init(threads: Int) throws {
    self.threads = min(max(threads, 1), Crew.limit)
    guard let handle = unsafe pare_crew_create(self.threads) else {
      throw BackendError.outOfMemory("threads")
    }
    unsafe self.handle = unsafe handle
  }

  deinit { unsafe pare_crew_destroy(handle) }

  /// More threads than any one machine's cores help nobody.
  package static let limit = 256

  /// Calls `body(worker, tile)` for every tile below `tiles`, at once on several
  /// threads, and returns when all are done. Worker 0 is the calling thread.
  package func run(_ tiles: Int, _ body: (_ worker: Int, _ tile: Int) -> Void) {
    if threads == 1 || tiles == 1 {
      for tile in 0..<tiles { body(0, tile) }
      return
    }
    precondition(tiles <= Int(PARE_MAXIMAL_TILES))
    withoutActuallyEscaping(body) { body in
      var body = body
      unsafe withUnsafeMutablePointer(to: &body) { pointer in
        unsafe pare_crew_run(
          handle, tiles,
          { context, worker, tile in
            typealias Body = (Int, Int) -> Void
            unsafe context.unsafelyUnwrapped.assumingMemoryBound(to: Body.self).pointee(
              Int(worker), Int(tile))
          }, pointer)
      }
    }
  }

  /// Calls `body(worker, rows)` for all rows, `size` neighbours at a time.
  func forEachRows(of count: Int, atOnce size: Int, _ body: (_ worker: Int, Range<Int>) -> Void) {
    run((count + size - 1) / size) { worker, index in
      body(worker, index * size..<min((index + 1) * size, count))
    }
  }

  /// Runs of rows to be shared out: first a long one for each thread, which memory gives best, then
  /// short ones, so that nobody waits long for the last.
  package func runs(of rows: Int) -> [Range<Int>] {
    guard threads > 1 else { return [0..<rows] }
    let long = rows / 8 * 5 / threads
    let (rest, shorts) = (rows - long * threads, max(min(4 * threads, rows / 64), 1))
    let all =
      (0..<threads).map { $0 * long..<($0 + 1) * long }
      + (0..<shorts).map { index in
        rows - rest + rest * index / shorts..<rows - rest + rest * (index + 1) / shorts
      }
    return all.filter { !$0.isEmpty }
  }
}
