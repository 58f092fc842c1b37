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
      figures = BlockFormat.allCases.map { format in
        unsafe tensor.withUnsafeValues { values in
          unsafe measure(format, count, Shared(values.baseAddress), target, threads)
        }
      }
    }
    return figures
  }

  private static func measure(
    _ format: BlockFormat, _ count: Int, _ values: Shared<UnsafePointer<Float>?>,
    _ room: Shared<UnsafeMutablePointer<Float>?>, _ threads: Int
  ) -> BlockKernelFigures {
    // Where nothing is written to them, all scales are 0.06, and no code is slower
    // than another.
    var blocks = [UInt8](repeating: 0x2C, count: count / format.weightCount * format.byteCount)
    let (weights, size) = (format.weightCount, format.byteCount)
    return unsafe blocks.withUnsafeMutableBufferPointer { buffer in
      let bytes = unsafe Shared(buffer.baseAddress)
      let quantizing =
        format.isWritable
        ? rate(count, threads) { range in
          if let bytes = unsafe bytes.pointer, let values = unsafe values.pointer {
            unsafe pare_quantize_blocks(
              format.kernelFormat, values + range.lowerBound, range.count,
              bytes + range.lowerBound / weights * size)
          }
        } : nil
      let dequantizing = rate(count, threads) { range in
        if let bytes = unsafe bytes.pointer, let room = unsafe room.pointer {
          unsafe pare_dequantize(
            KernelLevel.best, format.kernelFormat, bytes + range.lowerBound / weights * size,
            range.count / weights, room + range.lowerBound)
        }
      }
      return BlockKernelFigures(
        format: format, dequantizeGBps: dequantizing, quantizeGBps: quantizing)
    }
  }

  /// The shortest of at least two runs that together take some tenths of a second.
  private static func rate(
    _ count: Int, _ threads: Int, _ body: @Sendable (Range<Int>) -> Void
  ) -> Double {
    let clock = ContinuousClock()
    var (best, total, runs) = (Duration.seconds(Int32.max), Duration.zero, 0)
    while runs < 2 || total < .milliseconds(300) {
      let time = clock.measure {
        Parallel.forEach(count: Parallel.chunks(count), threads: threads) { chunk in
          body(Parallel.range(chunk, of: count))
        }
      }
      (best, total, runs) = (min(best, time), total + time, runs + 1)
    }
    return Double(count) * 4 / (best / .seconds(1)) / 1e9
  }
}
