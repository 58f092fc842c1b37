import TestSupport
import Tensors
import Testing

/// Putting values back into blocks whose scales are known.
@Suite struct BlockRoundingTests {
  static let formats = BlockFormat.allCases.filter { $0.isWritable && BlockCoding.of($0) != nil }

  private static func blocks(
    _ format: BlockFormat
  ) throws -> (values: Tensor, bytes: [UInt8], held: Tensor, parts: BlockCodes) {
    var random = SplitMix64(seed: 21)
    let values = Tensor(
      [3, 512], (0..<3 * 512).map { _ in Float.random(in: -1...1, using: &random) })
    let bytes = try #require(values.blocks(of: format))
    let held = unsafe bytes.withUnsafeBytes {
      unsafe Tensor(values.shape, dequantizing: $0, from: format)
    }
    let parts = unsafe bytes.withUnsafeBytes {
      unsafe BlockCodes(values.shape, $0, of: format)
    }
    return (values, bytes, try #require(held), try #require(parts))
  }

  /// What blocks hold is put back as it was.
  @Test(arguments: formats)
  func heldValuesStay(_ format: BlockFormat) throws {
    let coding = try #require(BlockCoding.of(format))
    let (_, bytes, held, parts) = try Self.blocks(format)
    let again = coding.putting(held, into: bytes, parts)
    let values = unsafe again.withUnsafeBytes {
      unsafe Tensor(held.shape, dequantizing: $0, from: format)
    }
    #expect(values?.array == held.array)
  }

  /// Other values go to the nearest that their block can hold.
  @Test(arguments: formats)
  func othersGoToTheNearest(_ format: BlockFormat) throws {
    let coding = try #require(BlockCoding.of(format))
    let (_, bytes, held, parts) = try Self.blocks(format)
    let moved = Tensor(held.shape, held.array.map { $0 * 1.09 + 0.013 })
    let again = coding.putting(moved, into: bytes, parts)
    let rounded = unsafe again.withUnsafeBytes {
      unsafe Tensor(held.shape, dequantizing: $0, from: format)
    }
    let found = try #require(rounded)
    for row in 0..<held.shape.rows {
      for column in 0..<held.shape.columns {
        let group = column / parts.groupSize
        let (scale, minimum) = (parts.scales[row, group], parts.minima?[row, group] ?? 0)
        let value = moved[row, column]
        let least = format.codeValues.map { abs(value - (Float($0) * scale + minimum)) }.min() ?? 0
        // Between two levels that are not evenly spaced a whole number decides.
        let slack = format.isEven ? 1e-5 * abs(value) : abs(scale) / 2
        #expect(abs(value - found[row, column]) <= least + slack + 1e-6)
      }
    }
  }
}
