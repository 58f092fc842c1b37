import CKernels

/// The work that `WeightKernelFigures` times.
struct KernelBench: Sendable {
  let tensor: Tensor
  private let bf16: Tensor
  private let repetitions: Int
  private let threads: Int

  /// Seeded weights, about Gaussian with deviation 0.02, and their bf16 copy.
  init(count: Int, repetitions: Int, threads: Int) {
    self.repetitions = repetitions
    self.threads = threads
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

  /// Bytes of the f32 weights.
  var f32Bytes: Double { Double(tensor.shape.count) * 4 }

  /// Four parts of a linear congruential step (Knuth's MMIX constants), summed
  /// to a bell.
  private static func weight(_ state: inout UInt64) -> Float {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let mixed = (state ^ state >> 31) &* 0x9E37_79B9_7F4A_7C15
    let sum = (mixed & 0xffff) + (mixed >> 16 & 0xffff) + (mixed >> 32 & 0xffff) + mixed >> 48
    return (Float(sum) / 65_536 - 2) * 0.035
  }

  /// The shortest of the repetitions, after one that is not counted.
  func seconds(_ work: () -> Void) -> Double {
    work()
    let clock = ContinuousClock()
    let best = (0..<repetitions).map { _ in clock.measure(work) }.min() ?? .zero
    return Double(best.components.seconds) + Double(best.components.attoseconds) * 1e-18
  }

  /// Reading all bytes and nothing else.
  func read() -> Double {
    withBytes(.f32) { source in
      seconds {
        Parallel.forEach(count: Parallel.chunks(source.count), threads: threads) { chunk in
          unsafe source.withChunk(Parallel.range(chunk, of: source.count)) { start, _, count in
            if let start = unsafe start {
              unsafe _ = pare_read(KernelLevel.best, start, count * source.dtype.byteCount)
            }
          }
        }
      }
    }
  }

  /// A summary, and the mask of |w| > 0.01 with it.
  func scan(_ dtype: DType, mask: Bool) -> Double {
    withBytes(dtype) { source in
      var words = [UInt64](repeating: 0, count: source.count / 64 + 1)
      return unsafe words.withUnsafeMutableBufferPointer { words in
        let bits = unsafe Shared(mask ? words.baseAddress : nil)
        return seconds {
          Parallel.forEach(count: Parallel.chunks(source.count), threads: threads) { chunk in
            let range = Parallel.range(chunk, of: source.count)
            unsafe source.withChunk(range) { start, kind, count in
              var moments = pare_moments()
              unsafe pare_scan(
                KernelLevel.best, kind, start, count, 0, 32, Int32(0x3c23_d70a),
                bits.pointer.map { unsafe $0 + range.lowerBound / 64 }, &moments)
            }
          }
        }
      }
    }
  }

  /// A histogram in 64 bins.
  func histogram(_ dtype: DType) -> Double {
    withBytes(dtype) { source in
      seconds {
        _ = source.histogram(
          bins: 64, range: -0.08...0.08, isInside: true, threads: threads, shouldStop: { false })
      }
    }
  }

  /// f32 to bf16.
  func narrow() -> Double {
    unsafe tensor.withUnsafeValues { values in
      var bytes = [UInt8](repeating: 0, count: values.count * 2)
      return unsafe bytes.withUnsafeMutableBytes { bytes in
        seconds {
          unsafe Conversion.narrow(values, as: .bf16, into: bytes, threads: threads)
        }
      }
    }
  }

  private func withBytes(_ dtype: DType, _ body: (KernelSource) -> Double) -> Double {
    unsafe (dtype == .f32 ? tensor : bf16).withUnsafeValues {
      unsafe body(KernelSource(UnsafeRawBufferPointer($0), dtype))
    }
  }
}
