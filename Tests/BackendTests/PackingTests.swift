import CKernels
import Tensors
import TestSupport
import Testing

/// Panels hold the same bytes, whatever instructions and form they are written from.
@Suite struct PackingTests {
  private static let kinds = [Int32(PARE_FULL), Int32(PARE_SPLIT), Int32(PARE_HALF)]
  private static let levels: [Int32] =
    Array(0...pare_best_level()) + (pare_has_bf16_unit() != 0 ? [Int32(PARE_UNIT_BF16)] : [])

  /// Numbers of all sizes, none of them subnormal, and an infinite one.
  private static func values(_ count: Int, seed: UInt64) -> [Float] {
    var random = SplitMix64(seed: seed)
    var values = (0..<count).map { _ in
      Float.random(in: -1...1, using: &random)
        * Float(sign: .plus, exponent: Int.random(in: -90...90, using: &random), significand: 1)
    }
    values[0] = 0
    values[count / 2] = -.infinity
    values[count - 1] = .greatestFiniteMagnitude
    return values
  }

  @Test(arguments: kinds, [1, 16, 37])
  func everyLevelWritesTheSamePanels(kind: Int32, rows: Int) {
    for columns in [16, 77, 256] {
      let values = Self.values(rows * columns, seed: UInt64(columns))
      let size = PackedBytes.size(kind, rows: rows, columns: columns)
      let panelBytes = PackedBytes.size(kind, rows: 1, columns: columns)
      for turned in 0..<3 {
        let found = Self.levels.map { level in
          unsafe PackedBytes(kind, size) { high, low in
            switch turned {
            case 0: unsafe pare_pack_rows(level, kind, rows, columns, values, columns, high, low)
            case 1: unsafe pare_pack_inputs(level, kind, rows, columns, values, columns, high, low)
            default:
              unsafe pare_pack_columns(
                level, kind, rows, columns, values, rows, high, low, panelBytes)
            }
          }
        }
        for (level, panels) in zip(Self.levels, found) {
          #expect(panels == found[0], "level \(level), \(columns) columns, order \(turned)")
        }
      }
    }
  }

  @Test(arguments: BlockFormat.allCases.filter { pare_quantizes($0.kernelFormat) != 0 })
  func blocksAreWrittenAsTheirWeights(format: BlockFormat) {
    let (rows, columns) = (19, format.weightCount == 32 ? 864 : 768)
    var random = SplitMix64(seed: 5)
    let plain = (0..<rows * columns).map { _ in Float.random(in: -1...1, using: &random) }
    let rowBytes = columns / format.weightCount * format.byteCount
    var bytes = [UInt8](repeating: 0, count: rows * rowBytes)
    unsafe pare_quantize_blocks(
      pare_best_level(), format.kernelFormat, plain, plain.count, &bytes)
    var weights = plain
    unsafe pare_dequantize(
      0, format.kernelFormat, bytes, plain.count / format.weightCount, &weights, 0)
    for kind in Self.kinds {
      let size = PackedBytes.size(kind, rows: rows, columns: columns)
      let meant = unsafe PackedBytes(kind, size) { high, low in
        unsafe pare_pack_rows(0, kind, rows, columns, weights, columns, high, low)
      }
      for level in Self.levels {
        let found = unsafe PackedBytes(kind, size) { high, low in
          unsafe pare_pack_blocks(
            level, kind, format.kernelFormat, format.weightCount, format.byteCount, rows, columns,
            bytes, rowBytes, high, low)
        }
        #expect(found == meant, "\(format), kind \(kind), level \(level)")
      }
    }
  }

  @Test(arguments: [1, 16, 21], [5, 32, 70])
  func rowsOfBF16AreWrittenAsTheyAre(rows: Int, columns: Int) {
    var random = SplitMix64(seed: 9)
    let halves = (0..<rows * columns).map { _ in UInt16.random(in: 0x3000...0x4000, using: &random)
    }
    let values = halves.map { Float(bitPattern: UInt32($0) << 16) }
    let kind = Int32(PARE_HALF)
    let size = PackedBytes.size(kind, rows: rows, columns: columns)
    let meant = unsafe PackedBytes(kind, size) { high, _ in
      unsafe pare_pack_rows(0, kind, rows, columns, values, columns, high, nil)
    }
    let found = unsafe PackedBytes(kind, size) { high, _ in
      unsafe pare_pack_short_rows(rows, columns, halves, columns, high)
    }
    #expect(found == meant)
  }
}

/// High and low parts of panels.
private struct PackedBytes: Equatable {
  private var high: [UInt8]
  private var low: [UInt8]

  static func size(_ kind: Int32, rows: Int, columns: Int) -> Int {
    let length = pare_chunk_length(kind)
    return (rows + 15) / 16 * ((columns + length - 1) / length) * 1024
  }

  init(
    _ kind: Int32, _ size: Int, _ write: (UnsafeMutableRawPointer, UnsafeMutableRawPointer?) -> Void
  ) {
    high = [UInt8](repeating: 0xAA, count: size)
    low = [UInt8](repeating: 0xAA, count: kind == Int32(PARE_SPLIT) ? size : 0)
    unsafe high.withUnsafeMutableBytes { high in
      unsafe low.withUnsafeMutableBytes { low in
        guard let start = high.baseAddress else { return }
        unsafe write(start, low.isEmpty ? nil : low.baseAddress)
      }
    }
  }
}
