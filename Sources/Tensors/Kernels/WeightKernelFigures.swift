import CKernels

/// What the kernels reach on this machine, for `pare bench`. Every speed is the
/// best of some repetitions, in 10⁹ bytes a second.
public struct WeightKernelFigures: Sendable, Hashable, Codable {
  /// Threads that were used.
  public let threads: Int
  /// The memory's read bandwidth: what nothing that reads weights can exceed.
  public let memoryReadGBps: Double
  /// Extremes, mean, deviation, kurtosis and counts of f32.
  public let summaryF32GBps: Double
  /// The same of bf16.
  public let summaryBF16GBps: Double
  /// The same and the mask |w| > t, of f32.
  public let summaryMaskF32GBps: Double
  /// The same and the mask |w| > t, of bf16.
  public let summaryMaskBF16GBps: Double
  /// Summary with mask of f32, and then the histogram in 64 bins over its extremes.
  public let summaryHistogramF32GBps: Double
  /// The same of bf16.
  public let summaryHistogramBF16GBps: Double
  /// The histogram in 64 bins over a known range, f32.
  public let histogramF32GBps: Double
  /// The same, bf16.
  public let histogramBF16GBps: Double
  /// f32 to bf16, bytes read.
  public let narrowBF16GBps: Double
  /// Weights that `pruneSeconds` is about.
  public let pruneCount: Int
  /// Exact magnitude pruning of half of the weights: the masks and the pruned
  /// tensor.
  public let pruneSeconds: Double
  /// The same without the pruned tensor: the mask alone.
  public let pruneMaskSeconds: Double
  /// All statistics (summary and histogram) of 500 MB of f32.
  public let statisticsOf500MBSeconds: Double

  /// Share of the memory bandwidth that summary and mask of f32 reach.
  public var summaryMaskF32Share: Double { summaryMaskF32GBps / memoryReadGBps }

  /// Share of the memory bandwidth that summary and mask of bf16 reach.
  public var summaryMaskBF16Share: Double { summaryMaskBF16GBps / memoryReadGBps }

  /// Measures, for some seconds, on `count` seeded weights: 1.2 GB of memory for
  /// the default of 100 million. The repetitions of all figures take turns, so
  /// that a ratio of two of them is one of the same minutes.
  public static func measure(
    count: Int = 100_000_000, repetitions: Int = 5, threads: Int = Parallel.defaultThreads
  ) -> WeightKernelFigures {
    let bench = KernelBench(count: count, threads: threads)
    var best = [KernelBench.Work: Double]()
    for repetition in 0...repetitions {
      for work in KernelBench.Work.allCases {
        let seconds = bench.seconds(work)
        // The first turn only touches the memory.
        if repetition > 0 { best[work] = min(best[work] ?? .infinity, seconds) }
      }
    }
    return WeightKernelFigures(count: count, threads: threads) { best[$0] ?? .infinity }
  }

  private init(count: Int, threads: Int, seconds: (KernelBench.Work) -> Double) {
    let bytes = Double(count) * 4
    func speed(_ work: KernelBench.Work..., bytes: Double) -> Double {
      bytes / work.reduce(0) { $0 + seconds($1) } / 1e9
    }
    self.threads = threads
    memoryReadGBps = speed(.read, bytes: bytes)
    summaryF32GBps = speed(.summaryF32, bytes: bytes)
    summaryBF16GBps = speed(.summaryBF16, bytes: bytes / 2)
    summaryMaskF32GBps = speed(.maskF32, bytes: bytes)
    summaryMaskBF16GBps = speed(.maskBF16, bytes: bytes / 2)
    summaryHistogramF32GBps = speed(.maskF32, .histogramF32, bytes: bytes)
    summaryHistogramBF16GBps = speed(.maskBF16, .histogramBF16, bytes: bytes / 2)
    histogramF32GBps = speed(.histogramF32, bytes: bytes)
    histogramBF16GBps = speed(.histogramBF16, bytes: bytes / 2)
    narrowBF16GBps = speed(.narrow, bytes: bytes)
    pruneCount = count
    pruneSeconds = seconds(.prune)
    pruneMaskSeconds = seconds(.pruneMask)
    statisticsOf500MBSeconds = (seconds(.summaryF32) + seconds(.histogramF32)) * 500e6 / bytes
  }
}
