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

  /// weight = code × scale + minimum, to the bit, for blocks of any bytes.
  @Test(arguments: BlockFormat.allCases)
  func codesAndScalesMakeTheWeights(format: BlockFormat) throws {
    let shape: Shape = [64, 512]
    let bytes = noise(try #require(format.byteCount(of: shape)))
    let weights = try #require(self.weights(shape, bytes, format)).array
    let taken = unsafe bytes.withUnsafeBytes { unsafe BlockCodes(shape, $0, of: format) }
    let parts = try #require(taken)
    #expect(parts.groupSize == format.groupWeightCount)
    #expect(parts.scales.shape == [64, 512 / parts.groupSize])
    let (codes, scales, minima) = (parts.codes.array, parts.scales.array, parts.minima?.array)
    #expect(codes.allSatisfy { $0 == $0.rounded() && parts.range.contains(Int($0)) })
    #expect(Set(codes.map { Int($0) }).isSubset(of: format.codeValues))
    let made = codes.indices.map { index in
      let group = index / parts.groupSize
      let product = codes[index] * scales[group]
      return minima.map { product + $0[group] } ?? product
    }
    #expect(bits(made) == bits(weights))
    // The scale of a sub-block is a multiple of its block's.
    if let blocks = parts.blockScales {
      #expect(blocks.shape == [64, 512 / format.weightCount])
      let ratio = format.weightCount / parts.groupSize
      for (index, scale) in scales.enumerated() {
        let whole = blocks.array[index / ratio]
        guard whole.isFinite, whole != 0, abs(whole) >= .leastNormalMagnitude else { continue }
        let share = scale / whole
        #expect(share == share.rounded() && (-128...127).contains(share))
      }
    }
  }

  @Test(arguments: BlockFormat.allCases)
  func theCodesOfAFormatAreInItsRange(format: BlockFormat) {
    let values = format.codeValues
    #expect(values == values.sorted() && Set(values).count == values.count)
    #expect(values.count <= 256 && !values.isEmpty)
    let bits =
      format.codeBitsPerWeight + format.scaleBitsPerWeight + format.minimumBitsPerWeight
    #expect(bits == format.bitsPerWeight)
    #expect(format.scaleBitsPerWeight > 0 && format.minimumBitsPerWeight >= 0)
  }

  /// What is counted part by part and on several threads is what the codes are.
  @Test(arguments: BlockFormat.allCases)
  func everyCodeIsCounted(format: BlockFormat) throws {
    let shape: Shape = [300, 512]
    let bytes = noise(try #require(format.byteCount(of: shape)), seed: 9)
    let (parts, figures, again) = unsafe bytes.withUnsafeBytes {
      unsafe (
        BlockCodes(shape, $0, of: format), CodeFigures(shape, $0, of: format, threads: 1),
        CodeFigures(shape, $0, of: format, threads: 3)
      )
    }
    let (codes, found) = (try #require(parts), try #require(figures))
    #expect(found == again)
    #expect(found.count == shape.count && found.codes.map(\.value) == format.codeValues)
    let counts = Dictionary(grouping: codes.codes.array, by: { Int($0) }).mapValues(\.count)
    for code in found.codes { #expect(code.count == counts[code.value] ?? 0) }
    #expect(found.scales == ValueSpread(codes.scales.array))
    #expect(found.minima == codes.minima.flatMap { ValueSpread($0.array) })
    #expect(found.blockScales == codes.blockScales.flatMap { ValueSpread($0.array) })
    #expect(found.groupSize == codes.groupSize)
    let stopped = unsafe bytes.withUnsafeBytes {
      unsafe CodeFigures(shape, $0, of: format) { true }
    }
    #expect(stopped == nil)
  }

  @Test(arguments: [1, 2, 3, 8, 1001]) func theMedianIsTheMiddleOne(count: Int) throws {
    var random = SplitMix64(seed: UInt64(count))
    let values = (0..<count).map { _ in Float.random(in: -3...2, using: &random) }
    let sorted = values.sorted()
    let spread = try #require(ValueSpread(values + [.nan, .infinity]))
    #expect(spread.minimum == sorted[0] && spread.maximum == sorted[count - 1])
    #expect(spread.median == sorted[(count - 1) / 2] && spread.count == count)
    #expect(ValueSpread([.nan]) == nil && ValueSpread([]) == nil)
  }

  /// Codes of a grid, from its weights alone.
  @Test(arguments: [(8, -8...7), (64, 0...15), (96 * 4, -1...1)])
  func weightsOnAGridHaveCodes(groupSize: Int, codes: ClosedRange<Int>) throws {
    let shape: Shape = [4, 96]
    var random = SplitMix64(seed: 3)
    let isTensor = groupSize >= shape.count
    let perRow = isTensor ? 1 : (96 + groupSize - 1) / groupSize
    let groups = isTensor ? 1 : 4 * perRow
    let scales = (0..<groups).map { _ in Float.random(in: 0.1...2, using: &random) }
    let zeros = (0..<groups).map { _ in Int32.random(in: 0...3, using: &random) }
    let grid = QuantizationGrid(
      bits: 4, codes: codes, groupSize: groupSize, scales: scales, zeros: zeros)
    let numbers = (0..<shape.count).map { _ in Int.random(in: codes, using: &random) }
    let tensor = Tensor(
      shape,
      numbers.indices.map { index in
        let group = isTensor ? 0 : index / 96 * perRow + index % 96 / groupSize
        return scales[group] * Float(numbers[index] - Int(zeros[group]))
      })
    let figures = try #require(CodeFigures(of: tensor, on: grid, threads: 2))
    for code in figures.codes {
      #expect(code.count == numbers.count { $0 == code.value })
    }
    #expect(figures.count == shape.count)
    let group = try #require(grid.group(around: 2, 70, of: tensor))
    #expect(group.columns.contains(70) && group.rows == 2..<3)
    #expect(group.codes == group.columns.map { numbers[2 * 96 + $0] })
    #expect(group.weights == group.columns.map { tensor[2, $0] })
    #expect(grid.group(around: 4, 0, of: tensor) == nil)
    let short = QuantizationGrid(bits: 4, codes: codes, groupSize: 8, scales: [1])
    #expect(CodeFigures(of: tensor, on: short) == nil)
  }
}
