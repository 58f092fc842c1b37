import CKernels
import Tensors
import TestSupport
import Testing

/// Weights in blocks: any bytes, any number of threads, any instruction set.
@Suite struct BlockFormatTests {
  private static let levels = [PARE_PLAIN, PARE_AVX2, PARE_AVX512].map { Int32($0) }
    .filter { $0 <= pare_best_level() }

  private func noise(_ count: Int, seed: UInt64 = 7) -> [UInt8] {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
  }

  private func weights(
    _ shape: Shape, _ bytes: [UInt8], _ format: BlockFormat, threads: Int = 2
  ) -> Tensor? {
    unsafe bytes.withUnsafeBytes {
      unsafe Tensor(shape, dequantizing: $0, from: format, threads: threads)
    }
  }

  /// A NaN is as good as another.
  private func bits(_ values: some Sequence<Float>) -> [UInt32] {
    values.map { $0.isNaN ? Float.nan.bitPattern : $0.bitPattern }
  }

  /// Random blocks and those of zero, infinite, NaN and subnormal scales, read at no
  /// boundary, written through the caches, past them, and where they cannot be passed.
  @Test(arguments: BlockFormat.allCases) func everyInstructionSetReadsTheSame(
    format: BlockFormat
  ) {
    for (blocks, seed) in [(0, 21), (1, 22), (3, 23), (17, 24), (4096, 25)] as [(Int, UInt64)] {
      let bytes = [0] + oddBlocks(blocks, of: format, seed: seed)
      var first: [UInt32]?
      for level in Self.levels {
        for (stream, offset) in [(0, 0), (1, 0), (1, 1)] as [(Int32, Int)] {
          let count = blocks * format.weightCount
          // On a boundary of 64 bytes, as a tensor's values are.
          let tensor = unsafe Tensor([count + offset]) { out in
            unsafe out.initialize(repeating: 0)
            unsafe bytes.withUnsafeBufferPointer { bytes in
              unsafe pare_dequantize(
                level, format.kernelFormat, bytes.baseAddress.map { unsafe $0 + 1 }, blocks,
                out.baseAddress.map { unsafe $0 + offset }, stream)
            }
          }
          let values = bits(tensor.array.dropFirst(offset))
          #expect(values == first ?? values, "seed \(seed), level \(level), stream \(stream)")
          first = first ?? values
        }
      }
    }
  }

  /// Noise, with some blocks of one byte repeated: codes and scales of zeros, and f16 that
  /// are subnormal, infinite and NaN.
  private func oddBlocks(_ count: Int, of format: BlockFormat, seed: UInt64) -> [UInt8] {
    var bytes = noise(count * format.byteCount, seed: seed)
    let odd: [UInt8] = [0x00, 0x01, 0x03, 0x7C, 0x7F, 0x80, 0xFC, 0xFF]
    for block in stride(from: 0, to: count, by: 3) {
      let byte = odd[block / 3 % odd.count]
      for index in 0..<format.byteCount { bytes[block * format.byteCount + index] = byte }
    }
    return bytes
  }

  @Test(arguments: BlockFormat.allCases) func threadsChangeNothing(format: BlockFormat) throws {
    let shape: Shape = [3, 257, 256]
    let bytes = noise(try #require(format.byteCount(of: shape)))
    let one = try #require(weights(shape, bytes, format, threads: 1))
    let four = try #require(weights(shape, bytes, format, threads: 4))
    #expect(bits(one.array) == bits(four.array))
  }

  @Test(arguments: BlockFormat.allCases) func rowsAreWholeBlocks(format: BlockFormat) {
    #expect(format.byteCount(of: [3, format.weightCount]) == 3 * format.byteCount)
    #expect(format.byteCount(of: [format.weightCount, format.weightCount + 1]) == nil)
    #expect(format.byteCount(of: [format.weightCount, 0]) == 0)
    #expect(weights([4, 0], [], format)?.array == [])
  }

  /// weight = code × scale + minimum, rounded as the format says.
  @Test(arguments: BlockFormat.allCases.filter { BlockCodes.areKept(by: $0) })
  func codesAndScalesMakeTheWeights(format: BlockFormat) throws {
    let shape: Shape = [6, 512]
    let bytes = noise(try #require(format.byteCount(of: shape)))
    let weights = try #require(self.weights(shape, bytes, format)).array
    let taken = unsafe bytes.withUnsafeBytes { unsafe BlockCodes(shape, $0, of: format) }
    let parts = try #require(taken)
    #expect(parts.scales.shape == [6, 512 / format.weightCount])
    let (codes, scales, minima) = (parts.codes.array, parts.scales.array, parts.minima?.array)
    #expect(codes.allSatisfy { $0 == $0.rounded() && parts.range.contains(Int($0)) })
    let made = codes.indices.map { index in
      let group = index / parts.groupSize
      let product = codes[index] * scales[group]
      return minima.map { product + $0[group] } ?? product
    }
    #expect(bits(made) == bits(weights))
  }
}
