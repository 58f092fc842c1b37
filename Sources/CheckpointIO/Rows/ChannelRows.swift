internal import Tensors

/// Rows of channels with bit depths of their own (`ChannelsEncoding`).
struct ChannelRows: RowReader {
  private let stream: Bytes
  private let columns: Int
  /// Their shifts are their lowest codes.
  private let rows: CodeRows
  /// Which columns have codes; nil for all.
  private let live: [Int]?
  let keptByteCount: Int
  let multiplies: Bool

  /// `channels` without codes, which begin at `bit`. Reads them all. Throws
  /// `CheckpointError.invalidPacking` for a code that is no level of its row.
  init(
    _ channels: ChannelCodes, in stream: Bytes, from bit: Int, isInMemory: Bool,
    _ stored: PackedTensor
  ) throws(CheckpointError) {
    let scales = channels.grid.scales
    let count = channels.liveColumnCount
    var rows = CodeRows(
      channels.shape.rows, columns: channels.shape.columns, live: channels.liveColumns)
    var next = bit
    for index in channels.liveRows {
      let range = channels.codeRange(ofRow: index)
      let row = CodeRows.Row(
        bit: next, bits: ChannelDepth.width(of: range), scale: scales[index],
        shift: Float(range.lowerBound))
      rows[index] = row
      next += row.bits * count
      guard next <= 8 * stream.count else { throw stored.damaged("its codes are cut off") }
      let most = range.upperBound - range.lowerBound
      if most + 1 < 1 << row.bits {
        for column in 0..<count where Self.code(stream, row, column) > most {
          throw stored.damaged("a code is no level")
        }
      }
    }
    self.stream = stream
    self.rows = rows
    columns = channels.shape.columns
    live = channels.liveColumns
    multiplies = rows.areMultiplied
    keptByteCount =
      rows.keptByteCount + (live?.count ?? 0) * MemoryLayout<Int>.stride
      + (isInMemory ? stream.count : 0)
  }

  /// Counted from the lowest; of at most 16 bits (`ChannelDepth.largest`).
  @inline(__always)
  private static func code(_ stream: Bytes, _ row: CodeRows.Row, _ index: Int) -> Int {
    let bit = row.bit + index * row.bits
    let mask = UInt64(1) << UInt64(row.bits) - 1
    return Int(stream.word(at: bit / 8) >> UInt64(bit % 8) & mask)
  }

  func read(_ range: Range<Int>, into values: UnsafeMutablePointer<Float>) {
    for index in range {
      let target = unsafe values + (index - range.lowerBound) * columns
      let row = rows[index]
      guard row.scale != 0 else {
        unsafe target.update(repeating: 0, count: columns)
        continue
      }
      guard let live else {
        for column in 0..<columns {
          unsafe target[column] =
            row.scale * (row.shift + Float(Self.code(stream, row, column)))
        }
        continue
      }
      unsafe target.update(repeating: 0, count: columns)
      for (place, column) in live.enumerated() {
        unsafe target[column] = row.scale * (row.shift + Float(Self.code(stream, row, place)))
      }
    }
  }

  func multiply(
    _ range: Range<Int>, by input: RowInput, into output: UnsafeMutablePointer<Float>
  ) {
    unsafe stream.withUnsafeBytes {
      unsafe rows.multiply(range, $0, by: input, into: output)
    }
  }

  var origin: any FileBytes { stream }
}
