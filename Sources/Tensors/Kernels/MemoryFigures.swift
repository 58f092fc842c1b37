/// How fast this machine's memory is read, in 10⁹ bytes a second: the limit of all that reads
/// weights.
public struct MemoryFigures: Sendable, Hashable {
  public let oneThreadGBps: Double
  public let allThreadsGBps: Double

  /// Reads 400 MB, more than caches hold, some times with each number of threads.
  public static func measure(threads: Int = Parallel.defaultThreads) -> MemoryFigures {
    func rate(_ threads: Int) -> Double {
      let bench = KernelBench(count: 100_000_000, repetitions: 3, threads: threads)
      return bench.f32Bytes / bench.read() / 1e9
    }
    return MemoryFigures(oneThreadGBps: rate(1), allThreadsGBps: rate(threads))
  }
}
