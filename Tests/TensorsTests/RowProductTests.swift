import CKernels
import Tensors
import TestSupport
import Testing

/// Products of rows as a file has them with one input.
@Suite struct RowProductTests {
  private static func values(_ count: Int, seed: UInt64) -> [Float] {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { _ in Float.random(in: -1...1, using: &random) }
  }

  private static let levels: [Int32] =
    Array(0...pare_best_level())
    + (pare_best_rows() == Int32(PARE_UNIT_BYTES) ? [Int32(PARE_UNIT_BYTES)] : [])

  private static let formats: [BlockFormat] = BlockFormat.allCases.filter {
    pare_multiplies_rows($0.kernelFormat) != 0
  }

  /// Blocks of every level give what their weights would, but for the input's sixteen bits.
  @Test(arguments: formats, [32, 96, 544, 576, 896, 256, 768, 2048])
  func rowsOfBlocksGiveTheProductOfTheirWeights(format: BlockFormat, columns: Int) {
    guard columns % format.weightCount == 0 else { return }
    let rows = 5
    let plain = Self.values(rows * columns, seed: 1)
    var input = Self.values(columns, seed: 2)
    input[7] = 40
    for index in input.indices where (64..<96).contains(index) { input[index] = 0 }
    let size = columns / format.weightCount * format.byteCount
    var bytes = [UInt8](repeating: 0, count: rows * size)
    unsafe pare_quantize_blocks(
      pare_best_level(), format.kernelFormat, plain, plain.count, &bytes)
    var weights = plain
    unsafe pare_dequantize(
      pare_best_level(), format.kernelFormat, bytes, plain.count / format.weightCount, &weights, 0)
    for level in Self.levels {
      let found = Self.product(level, format, bytes, size, rows, input)
      for row in 0..<rows {
        // An input is off by half a step of its 32's scale.
        var (sum, bound) = (0.0, 1e-4)
        for block in stride(from: 0, to: columns, by: 32) {
          let most = input[block..<block + 32].reduce(0) { max($0, abs($1)) }
          for column in block..<block + 32 {
            let weight = Double(weights[row * columns + column])
            sum += weight * Double(input[column])
            bound += abs(weight) * (Double(most) / 32767 * 0.51 + abs(Double(input[column])) * 2e-6)
          }
        }
        #expect(abs(Double(found[row]) - sum) <= bound, "\(format), level \(level), row \(row)")
      }
    }
  }

  @Test func anInputThatIsNotFiniteGivesNaN() {
    let bytes = [UInt8](repeating: 1, count: 34 * 8)
    for value in [Float.infinity, .nan] {
      var input = [Float](repeating: 1, count: 256)
      input[3] = value
      for level in Self.levels {
        #expect(Self.product(level, .q8_0, bytes, 34 * 8, 1, input)[0].isNaN)
      }
    }
  }

  @Test(arguments: [DType.f32, .f16, .bf16], [1, 15, 16, 64, 100, 577])
  func rowsOfNumbersGiveTheirProduct(dtype: DType, columns: Int) {
    let (rows, stride) = (3, columns + 5)
    let input = Self.values(columns, seed: 2)
    let plain = Self.values(rows * stride, seed: 1)
    let bytes = plain.flatMap { Self.bytes($0, dtype) }
    func weight(_ index: Int) -> Double { Self.weight(plain[index], dtype) }
    for level in Self.levels {
      func product(_ range: Range<Int>) -> [Float] {
        let start = range.lowerBound * stride * dtype.byteCount
        return unsafe Self.product(level, range.count, input) { ready, found in
          unsafe pare_multiply_rows(
            level, dtype.kernelKind, Array(bytes[start...]), stride, range.count, columns, ready,
            found)
        }
      }
      let found = product(0..<rows)
      #expect(found == (0..<rows).flatMap { product($0..<$0 + 1) })
      for row in 0..<rows {
        let meant = (0..<columns).reduce(0.0) {
          $0 + weight(row * stride + $1) * Double(input[$1])
        }
        #expect(abs(Double(found[row]) - meant) <= 2e-5, "\(dtype), level \(level)")
      }
    }
  }

  /// Rows of a bitmap give what rows with zeros would, also the last, behind which is nothing.
  @Test(arguments: [DType.f32, .f16, .bf16], [8, 40, 64, 100, 576])
  func rowsOfBitmapsGiveTheirProduct(dtype: DType, columns: Int) {
    guard pare_takes_bits_apart() != 0 else { return }
    let rows = 7
    let input = Self.values(columns, seed: 2)
    let plain = Self.values(rows * columns, seed: 1)
    for share in [1, 2, 5] {
      let kept = plain.indices.filter { ($0 * 7 + $0 / 11) % share == 0 }
      let bytes = kept.flatMap { Self.bytes(plain[$0], dtype) }
      var bitmap = [UInt8](repeating: 0, count: (plain.count + 7) / 8)
      for index in kept { bitmap[index / 8] |= 1 << UInt8(index % 8) }
      let starts = (0...rows).map { row in kept.count { $0 < row * columns } }
      let found = unsafe Self.product(pare_best_rows(), rows, input) { ready, found in
        unsafe bytes.withUnsafeBufferPointer { values in
          unsafe bitmap.withUnsafeBufferPointer { bits in
            unsafe pare_multiply_kept_rows(
              dtype.kernelKind, pare_bits(bytes: values.baseAddress, count: values.count),
              pare_bits(bytes: bits.baseAddress, count: bits.count), 0, starts, rows, columns,
              ready, found)
          }
        }
      }
      var meant = [Double](repeating: 0, count: rows)
      for index in kept {
        meant[index / columns] +=
          Self.weight(plain[index], dtype) * Double(input[index % columns])
      }
      for row in 0..<rows {
        #expect(abs(Double(found[row]) - meant[row]) <= 2e-5, "\(dtype), 1 of \(share), row \(row)")
      }
    }
  }

  private static func bytes(_ value: Float, _ dtype: DType) -> [UInt8] {
    switch dtype {
    case .f16: bytes(Float16(value).bitPattern)
    case .bf16: bytes(UInt16(value.bitPattern >> 16))
    default: bytes(value.bitPattern)
    }
  }

  /// What a value is in a type.
  private static func weight(_ value: Float, _ dtype: DType) -> Double {
    switch dtype {
    case .f16: Double(Float16(value))
    case .bf16: Double(Float(bitPattern: value.bitPattern & 0xffff_0000))
    default: Double(value)
    }
  }

  private static func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    (0..<T.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> T($0 * 8)) }
  }

  private static func product(
    _ level: Int32, _ format: BlockFormat, _ bytes: [UInt8], _ size: Int, _ rows: Int,
    _ input: [Float]
  ) -> [Float] {
    unsafe product(level, rows, input) { ready, found in
      unsafe pare_multiply_block_rows(
        level, format.kernelFormat, bytes, size, rows, input.count, ready, found)
    }
  }

  /// What `multiply` makes of an input that is ready.
  private static func product(
    _ level: Int32, _ rows: Int, _ input: [Float],
    _ multiply: (UnsafePointer<pare_row_input>, UnsafeMutablePointer<Float>) -> Void
  ) -> [Float] {
    var found = [Float](repeating: .nan, count: rows)
    let room = UnsafeMutableRawPointer.allocate(
      byteCount: pare_row_room(input.count) * 4, alignment: 64)
    defer { unsafe room.deallocate() }
    unsafe input.withUnsafeBufferPointer { values in
      guard let start = values.baseAddress else { return }
      var ready = unsafe pare_prepare_row(
        level, input.count, start, room.assumingMemoryBound(to: Float.self))
      unsafe found.withUnsafeMutableBufferPointer { found in
        guard let found = found.baseAddress else { return }
        unsafe withUnsafePointer(to: &ready) { unsafe multiply($0, found) }
      }
    }
    return found
  }
}
