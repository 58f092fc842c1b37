package import Tensors

/// Self-compressed channels with an entropy coder: a code takes as many bits as
/// it is surprising among those of rows like its own.
///
/// Rows are sorted by how far their codes spread, and neighbours in that order
/// share a table of how often each code occurs. The tables stand in the file as
/// true counts, and the coder (`SymbolEncoder`) works with them alone.
///
///     NAME.pare.coded   [bytes] of U8
///     ┌─────────┬────────┬───────────┬────────┬────┬───────┬────────────────┬────┐
///     │ columns │ depths │ exponents │ tables │ 0… │ x     │ words          │ 0… │
///     └─────────┴────────┴───────────┴────────┴────┴───────┴────────────────┴────┘
///       bits, bit 0 of byte 0 first                  8 bytes  4 bytes each, LE
///
///     columns     as in `ChannelsEncoding`
///     depths      the list of `ChannelNumbers`; where it is one of different
///                 numbers, also how often each occurs, as counts
///     exponents   the same for rows of depth above 0
///     tables      their number t; rows of depth above 0 that have none, that have
///                 the first one, …, as t + 1 counts; and of each table its lowest
///                 code, signed, how many codes it has, and how often each occurs
///
/// What the coder was given, in this order: of each row the place of its depth in
/// the list; of each row of depth above 0 that of its exponent, and its table
/// (0: all its codes are 0); and row by row the codes of the live columns, less
/// the table's lowest one. Where the depths or exponents are not listed, they are
/// left out here.
///
/// A symbol that occurs n of N times has the share f = max(1, ⌊4096 n / N⌋), and
/// the commonest one what is left over or missing; c is the sum of the shares
/// before it. To read one: the symbol is the one whose c…c+f−1 holds x mod 4096;
/// then x becomes f × ⌊x / 4096⌋ + x mod 4096 − c, and when that is below 2^32 it is
/// multiplied by 2^32 and the next word added. At the end x is 2^32.
package enum CodedChannelsEncoding: StorageEncoding {
  package static let name = "channels+coded"

  package static func parts(_ facts: TensorFacts) -> [StoredPart]? {
    facts.channels?.codedByteCount.map {
      [StoredPart(suffix: "coded", dtype: .u8, count: $0)]
    }
  }

  package static func encode(_ source: EncodingSource) -> [Bytes] {
    source.channels.flatMap(bytes).map { [Bytes($0)] } ?? []
  }

  /// nil where a row has too many levels for a table.
  static func bytes(of channels: ChannelCodes) -> [UInt8]? {
    guard let tables = CodeTables(of: channels) else { return nil }
    let rows = channels.rowsOfDepth
    let depths = ChannelNumbers(channels.depths)
    let exponents = ChannelNumbers(rows.map { channels.exponents[$0] })
    var choices = [Int](repeating: 0, count: channels.shape.rows)
    for (position, row) in channels.liveRows.enumerated() {
      choices[row] = tables.tableOfLive[position] + 1
    }
    let chosen = rows.map { choices[$0] }
    var choiceCounts = [Int](repeating: 0, count: tables.tables.count + 1)
    for choice in chosen { choiceCounts[choice] += 1 }

    var bits = BitWriter()
    LiveColumns.write(channels.liveColumns, of: channels.shape.columns, to: &bits)
    write(depths, to: &bits)
    write(exponents, to: &bits)
    write(tables.tables, choiceCounts, to: &bits)

    var coder = SymbolEncoder()
    put(channels, tables, into: &coder)
    put(chosen, choiceCounts, into: &coder)
    put(exponents.indices, exponents.counts, into: &coder)
    put(depths.indices, depths.counts, into: &coder)
    return ChannelStream.filledUp(bits.finished() + coder.finished(), for: channels.shape)
  }

  private static func write(_ numbers: ChannelNumbers, to bits: inout BitWriter) {
    numbers.write(to: &bits)
    for count in numbers.counts { bits.writeCount(count) }
  }

  private static func write(
    _ tables: [CodeTable], _ choiceCounts: [Int], to bits: inout BitWriter
  ) {
    bits.writeCount(tables.count)
    for count in choiceCounts { bits.writeCount(count) }
    for table in tables {
      bits.writeSigned(table.lowest)
      bits.writeCount(table.counts.count - 1)
      for count in table.counts { bits.writeCount(count) }
    }
  }

  /// Backwards, as all that follows: the coder gives the last one in first out.
  private static func put(_ symbols: [Int], _ counts: [Int], into coder: inout SymbolEncoder) {
    guard let table = SymbolTable(counts: counts) else { return }
    for symbol in symbols.reversed() { coder.put(symbol, table) }
  }

  private static func put(
    _ channels: ChannelCodes, _ tables: CodeTables, into coder: inout SymbolEncoder
  ) {
    let models = tables.tables.map { ($0.lowest, $0.symbols) }
    for position in channels.liveRows.indices.reversed() {
      let (lowest, model) = models[tables.tableOfLive[position]]
      guard let model else { continue }
      for code in channels.codes(ofLive: position).reversed() {
        coder.put(Int(code) - lowest, model)
      }
    }
  }

  package static func check(_ stored: PackedTensor) throws(CheckpointError) {
    _ = try ChannelStream.bytes(of: stored, "coded")
  }

  package static func grid(
    of stored: PackedTensor
  ) throws(CheckpointError) -> QuantizationGrid? {
    try CodedChannelsReader(stored).channels.grid
  }

  package static func rows(
    of stored: PackedTensor
  ) throws(CheckpointError) -> (any RowReader)? {
    var reader = try CodedChannelsReader(stored)
    // Coded rows are reached one after the other only: kept are their codes, of as many bits as
    // each row needs.
    let bytes = Bytes(ChannelsEncoding.bytes(of: try reader.codes()))
    try stored.forgetParts()
    return try ChannelsEncoding.rows(
      of: PackedTensor(
        name: stored.name, record: stored.record,
        parts: ["channels": PackedTensor.Part(dtype: .u8, bytes: bytes)]), isInMemory: true)
  }

  package static func decode(_ stored: PackedTensor) throws(CheckpointError) -> Tensor {
    var reader = try CodedChannelsReader(stored)
    return try reader.codes().tensor
  }
}

/// Reads what `CodedChannelsEncoding` wrote: the rows at once, the codes when
/// they are asked for.
private struct CodedChannelsReader {
  private let stored: PackedTensor
  private let tables: [CodeTable]
  /// Of each live row.
  private var tableOfLive: [Int] = []
  private var coder: SymbolDecoder
  /// Without codes.
  private(set) var channels: ChannelCodes

  init(_ stored: PackedTensor) throws(CheckpointError) {
    let shape = stored.record.shape
    let bytes = try ChannelStream.bytes(of: stored, "coded")
    var bits = BitReader(bytes)
    let columns = try LiveColumns.read(&bits, of: shape.columns, stored)
    let depthList = try CountedNumbers(&bits, count: shape.rows, stored)
    let exponentList = try CountedNumbers(&bits, count: depthList.positiveCount, stored)
    let choiceCounts: [Int]
    (tables, choiceCounts) = try Self.tables(&bits, rows: depthList.positiveCount, stored)
    guard !bits.isOverrun, let coder = SymbolDecoder(bytes[bits.byteOffset..<bytes.count]) else {
      throw stored.damaged("its codes are cut off")
    }
    self.coder = coder
    self.stored = stored
    let depths = depthList.take(from: &self.coder)
    let exponents = exponentList.take(from: &self.coder)
    let rows = depths.indices.filter { depths[$0] > 0 }
    let choices = Self.take(rows.count, choiceCounts, from: &self.coder)
    guard exponents.count == rows.count, choices.count == rows.count else {
      throw stored.damaged("its rows do not fit together")
    }
    let live = zip(rows, choices).filter { $0.1 > 0 }
    tableOfLive = live.map { $0.1 - 1 }
    channels = ChannelCodes(
      shape: shape, depths: depths, exponentsOfLive: exponents, liveRows: live.map(\.0),
      liveColumns: columns)
    try checkTables(choiceCounts)
  }

  /// The tables, and how many rows of depth above 0 use no table, then each table.
  private static func tables(
    _ bits: inout BitReader, rows: Int, _ stored: PackedTensor
  ) throws(CheckpointError) -> ([CodeTable], [Int]) {
    let impossible = stored.damaged("its tables of codes are impossible")
    guard let count = bits.readCount(), count <= rows, count < SymbolTable.symbolLimit else {
      throw impossible
    }
    let choiceCounts = try bits.readCounts(count + 1, upTo: rows, stored)
    guard choiceCounts.reduce(0, +) == rows else { throw impossible }
    var tables: [CodeTable] = []
    for _ in 0..<count {
      guard let lowest = bits.readSigned(), let more = bits.readCount(),
        abs(lowest) <= 1 << 16, more < SymbolTable.symbolLimit
      else { throw impossible }
      tables.append(
        CodeTable(
          lowest: lowest,
          counts: try bits.readCounts(more + 1, upTo: stored.record.shape.count, stored)))
    }
    return (tables, choiceCounts)
  }

  /// A table counts the codes of its rows, all of which are levels of theirs.
  private func checkTables(_ choiceCounts: [Int]) throws(CheckpointError) {
    for (table, rows) in zip(tables, choiceCounts.dropFirst()) {
      guard table.total == rows * channels.liveColumnCount else {
        throw stored.damaged("a table does not count its rows' codes")
      }
    }
  }

  fileprivate static func take(
    _ count: Int, _ counts: [Int], from coder: inout SymbolDecoder
  ) -> [Int] {
    guard count > 0, let table = SymbolTable(counts: counts) else { return [] }
    let places = table.places
    var symbols: [Int] = []
    symbols.reserveCapacity(count)
    for _ in 0..<count { symbols.append(coder.take(table, places: places)) }
    return symbols
  }

  mutating func codes() throws(CheckpointError) -> ChannelCodes {
    let models = tables.map { table in
      table.symbols.map { (table: $0, places: $0.places, lowest: table.lowest) }
    }
    let width = channels.liveColumnCount
    var codes: [Int16] = []
    codes.reserveCapacity(channels.liveRows.count * width)
    for (position, row) in channels.liveRows.enumerated() {
      let range = channels.codeRange(ofRow: row)
      guard let model = models[tableOfLive[position]] else {
        throw stored.damaged("a row has an empty table")
      }
      var isWithin = true
      for _ in 0..<width {
        let code = model.lowest + coder.take(model.table, places: model.places)
        isWithin = isWithin && range.contains(code)
        codes.append(Int16(truncatingIfNeeded: code))
      }
      guard isWithin else { throw stored.damaged("a code is no level of its row") }
    }
    guard coder.isWhole else { throw stored.damaged("its codes do not come out even") }
    return channels.with(codes)
  }
}

/// Depths or exponents as the coded form has them.
private struct CountedNumbers {
  private let numbers: ChannelNumbers.Stored
  /// Of a list, how often each occurs.
  private let counts: [Int]
  private let count: Int

  init(
    _ bits: inout BitReader, count: Int, _ stored: PackedTensor
  ) throws(CheckpointError) {
    self.count = count
    numbers = try ChannelNumbers.read(&bits, count: count, stored)
    switch numbers {
    case .values: counts = []
    case .palette(let palette):
      counts = try bits.readCounts(palette.count, upTo: count, stored)
      guard counts.reduce(0, +) == count else {
        throw stored.damaged("the list of its rows' numbers does not count them")
      }
    }
  }

  /// How many are above 0.
  var positiveCount: Int {
    switch numbers {
    case .values(let values): values.count { $0 > 0 }
    case .palette(let palette): zip(palette, counts).reduce(0) { $1.0 > 0 ? $0 + $1.1 : $0 }
    }
  }

  func take(from coder: inout SymbolDecoder) -> [Float] {
    switch numbers {
    case .values(let values): values
    case .palette(let palette):
      CodedChannelsReader.take(count, counts, from: &coder).map { palette[$0] }
    }
  }
}

extension BitReader {
  /// Reads `count` counts, each at most `limit`.
  fileprivate mutating func readCounts(
    _ number: Int, upTo limit: Int, _ stored: PackedTensor
  ) throws(CheckpointError) -> [Int] {
    var counts: [Int] = []
    for _ in 0..<number {
      guard let count = readCount(), count <= limit else {
        throw stored.damaged("its counts are impossible")
      }
      counts.append(count)
    }
    return counts
  }
}
