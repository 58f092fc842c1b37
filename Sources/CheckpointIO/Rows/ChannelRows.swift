internal import Tensors

/// Rows of channels with bit depths of their own (`ChannelsEncoding`).
struct ChannelRows: RowReader {
  /// Where the codes of a row are, and what they stand for.
  private struct Row {
    /// In the stream.
    let bit: Int
    let width: Int
    let lowest: Int
    let scale: Float
  }

  private let stream: Bytes
  private let columns: Int
  /// nil of a row whose codes are all 0.
  private let rows: [Row?]
  /// Which columns have codes; nil for all.
  private let live: [Int]?
  let keptByteCount: Int

  /// `channels` without codes, which begin at `bit`. Reads them all. Throws
  /// `CheckpointError.invalidPacking` for a code that is no level of its row.
  init(
    _ channels: ChannelCodes, in stream: Bytes, from bit: Int, isInMemory: Bool,
    _ stored: PackedTensor
  ) throws(CheckpointError) {
    let scales = channels.grid.scales
    let count = channels.liveColumnCount
    var rows = [Row?](repeating: nil, count: channels.shape.rows)
    var next = bit
    for index in channels.liveRows {
      let range = channels.codeRange(ofRow: index)
      let row = Row(
        bit: next, width: ChannelDepth.width(of: range), lowest: range.lowerBound,
        scale: scales[index])
      rows[index] = row
      next += row.width * count
      guard next <= 8 * stream.count else { throw stored.damaged("its codes are cut off") }
      let most = range.upperBound - range.lowerBound
      if most + 1 < 1 << row.width {
        for column in 0..<count where Self.code(stream, row, column) > most {
          throw stored.damaged("a code is no level")
        }
      }
    }
    self.stream = stream
    self.rows = rows
    columns = channels.shape.columns
    live = channels.liveColumns
    keptByteCount =
      rows.count * MemoryLayout<Row?>.stride + (live?.count ?? 0) * MemoryLayout<Int>.stride
      + (isInMemory ? stream.count : 0)
  }

  /// Counted from the lowest; of at most 16 bits (`ChannelDepth.largest`).
  @inline(__always)
  private static func code(_ stream: Bytes, _ row: Row, _ index: Int) -> Int {
    let bit = row.bit + index * row.width
    let mask = UInt64(1) << UInt64(row.width) - 1
    return Int(stream.word(at: bit / 8) >> UInt64(bit % 8) & mask)
  }

  func read(_ range: Range<Int>, into values: UnsafeMutablePointer<Float>) {
    for index in range {
      let target = unsafe values + (index - range.lowerBound) * columns
      guard let row = rows[index] else {
        unsafe target.update(repeating: 0, count: columns)
        continue
      }
      guard let live else {
        for column in 0..<columns {
          unsafe target[column] =
            row.scale * Float(row.lowest + Self.code(stream, row, column))
        }
        continue
      }
      unsafe target.update(repeating: 0, count: columns)
      for (place, column) in live.enumerated() {
        unsafe target[column] = row.scale * Float(row.lowest + Self.code(stream, row, place))
      }
    }
  }

  func check() throws { try stream.check() }
}
