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

  /// Measures, for about two seconds, on `count` seeded weights: 0.7 GB of
  /// memory for the default of 100 million.
  public static func measure(
    count: Int = 100_000_000, repetitions: Int = 5, threads: Int = Parallel.defaultThreads
  ) -> WeightKernelFigures {
    let bench = KernelBench(count: count, repetitions: repetitions, threads: threads)
    let whole = bench.f32Bytes
    let summary = bench.scan(.f32, mask: false)
    let masked = bench.scan(.f32, mask: true)
    let maskedBF16 = bench.scan(.bf16, mask: true)
    let histogram = bench.histogram(.f32)
    let pruneMask = bench.seconds {
      _ = Select.mask(pruning: count / 2, of: bench.tensor, threads: threads)
    }
    let prune = bench.seconds {
      let mask = Select.mask(pruning: count / 2, of: bench.tensor, threads: threads)
      _ = mask?.applying(to: bench.tensor, threads: threads)
    }
    return WeightKernelFigures(
      threads: threads, memoryReadGBps: whole / bench.read() / 1e9,
      summaryF32GBps: whole / summary / 1e9,
      summaryBF16GBps: whole / 2 / bench.scan(.bf16, mask: false) / 1e9,
      summaryMaskF32GBps: whole / masked / 1e9,
      summaryMaskBF16GBps: whole / 2 / maskedBF16 / 1e9,
      summaryHistogramF32GBps: whole / (masked + histogram) / 1e9,
      summaryHistogramBF16GBps: whole / 2 / (maskedBF16 + bench.histogram(.bf16)) / 1e9,
      histogramF32GBps: whole / histogram / 1e9,
      narrowBF16GBps: whole / bench.narrow() / 1e9, pruneCount: count, pruneSeconds: prune,
      pruneMaskSeconds: pruneMask,
      statisticsOf500MBSeconds: (summary + histogram) * 500e6 / whole)
  }
}
