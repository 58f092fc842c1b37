import CKernels

/// The work that `WeightKernelFigures` times.
struct KernelBench: Sendable {
  /// What is timed.
  enum Work: CaseIterable {
    /// Reading all bytes and nothing else.
    case read
    case summaryF32, summaryBF16
    /// A summary, and the mask of |w| > 0.01 with it.
    case maskF32, maskBF16
    /// A histogram in 64 bins.
    case histogramF32, histogramBF16
    /// f32 to bf16.
    case narrow
    /// The mask that prunes half of the weights.
    case pruneMask
    /// That mask and the pruned tensor.
    case prune
  }

  private let tensor: Tensor
  private let bf16: Tensor
  private let room: Room
  private let threads: Int

  /// Seeded weights, about Gaussian with deviation 0.02, and their bf16 copy.
  init(count: Int, threads: Int) {
    self.threads = threads
    // bf16 weights; masks take less.
    room = Room(byteCount: 2 * count + 8)
    tensor = unsafe Tensor([count]) { values in
      let target = unsafe Shared(values)
      Parallel.forEach(count: Parallel.chunks(count), threads: threads) { chunk in
        var state = UInt64(chunk)
        for index in Parallel.range(chunk, of: count) {
          unsafe target.pointer[index] = Self.weight(&state)
        }
      }
    }
    // Two bf16 in the room of one f32.
    bf16 = unsafe Tensor([(count + 1) / 2]) { [tensor] room in
      unsafe tensor.withUnsafeValues {
        unsafe Conversion.narrow($0, as: .bf16, into: UnsafeMutableRawBufferPointer(room))
      }
    }
  }

  /// Four parts of a linear congruential step (Knuth's MMIX constants), summed
  /// to a bell.
  private static func weight(_ state: inout UInt64) -> Float {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let mixed = (state ^ state >> 31) &* 0x9E37_79B9_7F4A_7C15
    let sum = (mixed & 0xffff) + (mixed >> 16 & 0xffff) + (mixed >> 32 & 0xffff) + mixed >> 48
    return (Float(sum) / 65_536 - 2) * 0.035
  }

  /// How long a work takes once.
  func seconds(_ work: Work) -> Double {
    switch work {
    case .read: withBytes(.f32, read)
    case .summaryF32: withBytes(.f32) { scan($0, mask: false) }
    case .summaryBF16: withBytes(.bf16) { scan($0, mask: false) }
    case .maskF32: withBytes(.f32) { scan($0, mask: true) }
    case .maskBF16: withBytes(.bf16) { scan($0, mask: true) }
    case .histogramF32: withBytes(.f32, histogram)
    case .histogramBF16: withBytes(.bf16, histogram)
    case .narrow: narrow()
    case .pruneMask: time { _ = pruneMask() }
    case .prune: time { _ = pruneMask()?.applying(to: tensor, threads: threads) }
    }
  }

  private func time(_ work: () -> Void) -> Double {
    let duration = ContinuousClock().measure(work).components
    return Double(duration.seconds) + Double(duration.attoseconds) * 1e-18
  }

  private func pruneMask() -> Mask? {
    Select.mask(pruning: tensor.shape.count / 2, of: tensor, threads: threads)
  }

  private func read(_ source: KernelSource) -> Double {
    time {
      Parallel.forEach(count: Parallel.chunks(source.count), threads: threads) { chunk in
        unsafe source.withChunk(Parallel.range(chunk, of: source.count)) { start, _, count in
          if let start = unsafe start {
            unsafe _ = pare_read(KernelLevel.best, start, count * source.dtype.byteCount)
          }
        }
      }
    }
  }

  private func scan(_ source: KernelSource, mask: Bool) -> Double {
    let bits = unsafe Shared(mask ? room.words : nil)
    return time {
      Parallel.forEach(count: Parallel.chunks(source.count), threads: threads) { chunk in
        let range = Parallel.range(chunk, of: source.count)
        unsafe source.withChunk(range) { start, kind, count in
          var moments = pare_moments()
          // 0x3c23_d70a is 0.01; 32 brings weights of deviation 0.02 near 1.
          unsafe pare_scan(
            KernelLevel.best, kind, start, count, 0, 32, 0x3c23_d70a,
            bits.pointer.map { unsafe $0 + range.lowerBound / 64 }, &moments)
        }
      }
    }
  }

  private func histogram(_ source: KernelSource) -> Double {
    time {
      _ = source.histogram(
        bins: 64, range: -0.08...0.08, isInside: true, threads: threads, shouldStop: { false })
    }
  }

  private func narrow() -> Double {
    unsafe tensor.withUnsafeValues { values in
      time { unsafe Conversion.narrow(values, as: .bf16, into: room.bytes, threads: threads) }
    }
  }

  private func withBytes(_ dtype: DType, _ body: (KernelSource) -> Double) -> Double {
    unsafe (dtype == .f32 ? tensor : bf16).withUnsafeValues {
      unsafe body(KernelSource(UnsafeRawBufferPointer($0), dtype))
    }
  }

  /// Memory that results are written to: touched once, so that no figure is one
  /// of the first touch of memory.
  ///
  /// `@unchecked Sendable`: the kernels write to it chunk by chunk, each its own.
  @safe
  private final class Room: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer

    init(byteCount: Int) {
      unsafe bytes = UnsafeMutableRawBufferPointer(
        start: WeightMemory.allocate(byteCount: byteCount), count: byteCount)
    }

    /// As a mask's words.
    var words: UnsafeMutablePointer<UInt64>? {
      unsafe bytes.baseAddress?.assumingMemoryBound(to: UInt64.self)
    }

    deinit { unsafe bytes.deallocate() }
  }
}
