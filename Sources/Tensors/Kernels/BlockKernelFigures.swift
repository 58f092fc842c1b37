import CKernels

/// How quickly weights in blocks are read and written, for `pare bench`: in 10⁹ bytes
/// of f32 a second, memory to memory, the best of some runs.
public struct BlockKernelFigures: Sendable, Hashable {
  public let format: BlockFormat
  public let dequantizeGBps: Double
  /// nil for a format that is only read.
  public let quantizeGBps: Double?

  /// Measures every format on `count` seeded weights: 0.2 GB of memory for the
  /// default.
  ///
  /// Precondition: `count` is a multiple of 65,536.
  public static func measure(
    count: Int = 1 << 24, threads: Int = Parallel.defaultThreads
  ) -> [BlockKernelFigures] {
    precondition(count.isMultiple(of: Parallel.chunk))
    let tensor = KernelBench(count: count, repetitions: 1, threads: threads).tensor
    var figures: [BlockKernelFigures] = []
    // The room that weights go to: touched before, and in large pages.
    _ = unsafe Tensor([count]) { room in
      unsafe room.initialize(repeating: 0)
      let target = unsafe Shared(room.baseAddress)
      figures = BlockFormat.allCases.compactMap { format in
        unsafe tensor.withUnsafeValues { values in
          unsafe measure(format, count, Shared(values.baseAddress), target, threads)
        }
      }
    }
    return figures
  }

  private static func measure(
    _ format: BlockFormat, _ count: Int, _ values: Shared<UnsafePointer<Float>?>,
    _ target: Shared<UnsafeMutablePointer<Float>?>, _ threads: Int
  ) -> BlockKernelFigures? {
    let (weights, size) = (format.weightCount, format.byteCount)
    var figures: BlockKernelFigures?
    // Blocks stand in large pages too: in the room of a tensor.
    _ = unsafe Tensor([Parallel.chunks(count / weights * size, of: 4)]) { room in
      // Where nothing is written to them, all scales are 0.06, and no code is slower
      // than another.
      let blocks = UnsafeMutableRawBufferPointer(room)
      unsafe blocks.initializeMemory(as: UInt8.self, repeating: 0x2C)
      let bytes = unsafe Shared(blocks.baseAddress?.assumingMemoryBound(to: UInt8.self))
      let quantizing =
        format.isWritable
        ? rate(count) {
          let chunk = 1 << 13
          Parallel.forEach(count: Parallel.chunks(count, of: chunk), threads: threads) { index in
            let range = Parallel.range(index, of: count, size: chunk)
            if let bytes = unsafe bytes.pointer, let values = unsafe values.pointer {
              unsafe pare_quantize_blocks(
                KernelLevel.best,
                format.kernelFormat, values + range.lowerBound, range.count,
                bytes + range.lowerBound / weights * size)
            }
          }
        } : nil
      let source = unsafe Shared(bytes.pointer.map { unsafe UnsafePointer($0) })
      let dequantizing = rate(count) {
        _ = unsafe format.dequantize(source, into: target, count: count, threads: threads)
      }
      figures = BlockKernelFigures(
        format: format, dequantizeGBps: dequantizing, quantizeGBps: quantizing)
    }
    return figures
  }

  /// The shortest of at least two runs that together take some tenths of a second.
  private static func rate(_ count: Int, _ work: () -> Void) -> Double {
    let clock = ContinuousClock()
    var (best, total, runs) = (Duration.seconds(Int32.max), Duration.zero, 0)
    while runs < 2 || total < .milliseconds(300) {
      let time = clock.measure(work)
      (best, total, runs) = (min(best, time), total + time, runs + 1)
    }
    return Double(count) * 4 / (best / .seconds(1)) / 1e9
  }
}
