package import Tensors

/// Self-compressed channels: a bit depth and an exponent for each row, and codes
/// of as many bits as the row's levels need. What is gone takes no room: neither
/// rows whose codes are all 0, nor columns that are 0 in every row.
///
///     weight(r, c) = 2^e(r) × code(r, c),   codes as `QuantizationGrid` counts them
///
///     NAME.pare.channels   [bytes] of U8, bit 0 of byte 0 first
///     ┌─────────┬────────┬───────────┬──────┬─────────────────────────────┬────┐
///     │ columns │ depths │ exponents │ live │ codes                       │ 0… │
///     └─────────┴────────┴───────────┴──────┴─────────────────────────────┴────┘
///
///     columns     1, or 0 and a bit a column: 1 = some row has a code there
///     depths      the list of `ChannelNumbers`, then for each row its place in
///                 it, ⌈log2 k⌉ bits
///     exponents   the same for rows of depth above 0
///     live        a bit for each row of depth above 0: 1 = it has codes
///     codes       of each live row: its live columns' codes, less its lowest one
///     ┌──────────────────┬────────┬──────────────────┬──
///     │ 384 × 3 bits     │ 0 bits │ 384 × 1 bit      │ …     rows of b = 2.4, 0, 1
///     └──────────────────┴────────┴──────────────────┴──
///
/// A row of n levels takes ⌈log2 n⌉ bits a code. An array of m bytes stands for at
/// most 1,024 × m weights, so that no file asks for memory it does not warrant; a
/// matrix with almost nothing left is filled up with zeros.
package enum ChannelsEncoding: StorageEncoding {
  package static let name = "channels"

  package static func parts(_ facts: TensorFacts) -> [StoredPart]? {
    facts.channels.map {
      [StoredPart(suffix: "channels", dtype: .u8, count: $0.packedByteCount)]
    }
  }

  package static func encode(_ source: EncodingSource) -> [Bytes] {
    source.channels.map { [Bytes(bytes(of: $0))] } ?? []
  }

  /// Bytes that `bytes(of:)` gives, without making them.
  static func byteCount(of channels: ChannelCodes) -> Int {
    let count = (side(of: channels).bitCount + channels.codeBits + 7) / 8
    return max(count, ChannelStream.leastByteCount(for: channels.shape))
  }

  static func bytes(of channels: ChannelCodes) -> [UInt8] {
    var bits = side(of: channels)
    for (position, row) in channels.liveRows.enumerated() {
      let range = channels.codeRange(ofRow: row)
      let width = ChannelDepth.width(of: range)
      for code in channels.codes(ofLive: position) {
        bits.write(UInt64(Int(code) - range.lowerBound), width: width)
      }
    }
    return ChannelStream.filledUp(bits.finished(), for: channels.shape)
  }

  /// All but the codes.
  private static func side(of channels: ChannelCodes) -> BitWriter {
    var bits = BitWriter()
    LiveColumns.write(channels.liveColumns, of: channels.shape.columns, to: &bits)
    write(ChannelNumbers(channels.depths), to: &bits)
    let rows = channels.rowsOfDepth
    write(ChannelNumbers(rows.map { channels.exponents[$0] }), to: &bits)
    let live = Set(channels.liveRows)
    for row in rows { bits.write(live.contains(row)) }
    return bits
  }

  private static func write(_ numbers: ChannelNumbers, to bits: inout BitWriter) {
    numbers.write(to: &bits)
    let width = ChannelNumbers.indexWidth(numbers.palette?.count ?? 0)
    for index in numbers.indices { bits.write(UInt64(index), width: width) }
  }

  package static func check(_ stored: PackedTensor) throws(CheckpointError) {
    _ = try ChannelStream.bytes(of: stored, "channels")
  }

  package static func grid(
    of stored: PackedTensor
  ) throws(CheckpointError) -> QuantizationGrid? {
    var bits = BitReader(try ChannelStream.bytes(of: stored, "channels"))
    return try readSide(&bits, stored).grid
  }

  package static func rows(
    of stored: PackedTensor
  ) throws(CheckpointError) -> (any RowReader)? {
    try rows(of: stored, isInMemory: false)
  }

  /// The same of bytes that may be in no file.
  static func rows(
    of stored: PackedTensor, isInMemory: Bool
  ) throws(CheckpointError) -> any RowReader {
    let stream = try ChannelStream.bytes(of: stored, "channels")
    var bits = BitReader(stream)
    let side = try readSide(&bits, stored)
    return try ChannelRows(side, in: stream, from: bits.position, isInMemory: isInMemory, stored)
  }

  package static func decode(_ stored: PackedTensor) throws(CheckpointError) -> Tensor {
    var bits = BitReader(try ChannelStream.bytes(of: stored, "channels"))
    let side = try readSide(&bits, stored)
    let ranges = side.liveRows.map { side.codeRange(ofRow: $0) }
    let needed = ranges.reduce(0) { $0 + ChannelDepth.width(of: $1) * side.liveColumnCount }
    guard bits.bitsLeft >= needed else { throw stored.damaged("its codes are cut off") }
    var codes: [Int16] = []
    codes.reserveCapacity(side.liveRows.count * side.liveColumnCount)
    for range in ranges {
      let width = ChannelDepth.width(of: range)
      for _ in 0..<side.liveColumnCount {
        let code = range.lowerBound + Int(bits.read(width: width))
        guard code <= range.upperBound else { throw stored.damaged("a code is no level") }
        codes.append(Int16(code))
      }
    }
    return side.with(codes).tensor
  }

  /// What `side` wrote, without codes.
  private static func readSide(
    _ bits: inout BitReader, _ stored: PackedTensor
  ) throws(CheckpointError) -> ChannelCodes {
    let shape = stored.record.shape
    let columns = try LiveColumns.read(&bits, of: shape.columns, stored)
    let depths = try readNumbers(&bits, count: shape.rows, stored)
    let live = depths.indices.filter { depths[$0] > 0 }
    let exponents = try readNumbers(&bits, count: live.count, stored)
    guard bits.bitsLeft >= live.count else { throw stored.damaged("its rows are cut off") }
    return ChannelCodes(
      shape: shape, depths: depths, exponentsOfLive: exponents,
      liveRows: live.filter { _ in bits.readFlag() }, liveColumns: columns)
  }

  private static func readNumbers(
    _ bits: inout BitReader, count: Int, _ stored: PackedTensor
  ) throws(CheckpointError) -> [Float] {
    switch try ChannelNumbers.read(&bits, count: count, stored) {
    case .values(let values): return values
    case .palette(let palette):
      let width = ChannelNumbers.indexWidth(palette.count)
      guard bits.bitsLeft >= count * width else { throw stored.damaged("its rows are cut off") }
      var numbers: [Float] = []
      for _ in 0..<count {
        let place = Int(bits.read(width: width))
        guard place < palette.count else { throw stored.damaged("a row's number is not listed") }
        numbers.append(palette[place])
      }
      return numbers
    }
  }
}
