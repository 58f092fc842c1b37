internal import Tensors

/// The bit depths of a matrix's channels, or their exponents: few different
/// numbers, each many times, so they are listed once and then counted.
///
///     0                       every number as f32 follows, row by row
///     1  k  0  k × f32        k different numbers, ascending
///     1  k  1  p  first  gaps the same, as multiples of 2^−p: the first one and
///                             the distances, less 1, from each to the next
///
/// p has 4 bits; k and gaps are counts, `first` is a signed one. A count n is written
/// in Elias's gamma code of n + 1 (1 bit for 0, 3 for 1 and 2, 5 for 3…6): as many
/// zeros as n + 1 has bits after its first, a one, and those bits, the lowest first.
/// Signed numbers 0, −1, 1, −2, … are the counts 0, 1, 2, 3, …
struct ChannelNumbers {
  /// Ascending, all different; nil where listing them does not pay.
  let palette: [Float]?
  let values: [Float]
  /// Of each value the position in the palette.
  let indices: [Int]

  init(_ values: [Float]) {
    self.values = values
    let different = Set(values).sorted()
    let width = Self.indexWidth(different.count)
    guard different.count <= SymbolTable.symbolLimit, !different.isEmpty,
      32 * different.count + width * values.count < 32 * values.count
        || Self.precision(different) != nil
    else {
      palette = nil
      indices = []
      return
    }
    palette = different
    let positions = Dictionary(
      uniqueKeysWithValues: different.enumerated().map { ($0.element, $0.offset) })
    indices = values.map { positions[$0] ?? 0 }
  }

  /// How often each number of the palette occurs.
  var counts: [Int] {
    var counts = [Int](repeating: 0, count: palette?.count ?? 0)
    for index in indices { counts[index] += 1 }
    return counts
  }

  /// Bits of a position in a palette of `count` numbers.
  static func indexWidth(_ count: Int) -> Int {
    count <= 1 ? 0 : Int.bitWidth - (count - 1).leadingZeroBitCount
  }

  /// The least p ≤ 12 for which all numbers are multiples of 2^−p below 2^15.
  private static func precision(_ numbers: [Float]) -> Int? {
    (0...12).first { p in
      numbers.allSatisfy { number in
        let multiple = number * Float(1 << p)
        return abs(multiple) < 0x1p15 && multiple == multiple.rounded()
          && (number != 0 || number.sign == .plus)
      }
    }
  }

  /// Writes the palette, or all values if there is no palette.
  func write(to bits: inout BitWriter) {
    bits.write(palette != nil)
    guard let palette else {
      for value in values { bits.write(value) }
      return
    }
    bits.writeCount(palette.count)
    let precision = Self.precision(palette)
    bits.write(precision != nil)
    guard let precision else {
      for number in palette { bits.write(number) }
      return
    }
    bits.write(UInt64(precision), width: 4)
    let multiples = palette.map { Int($0 * Float(1 << precision)) }
    bits.writeSigned(multiples[0])
    for (number, next) in zip(multiples, multiples.dropFirst()) {
      bits.writeCount(next - number - 1)
    }
  }

  /// What `write` wrote.
  enum Stored {
    case palette([Float])
    case values([Float])
  }

  /// Reads the list of `count` numbers.
  static func read(
    _ bits: inout BitReader, count: Int, _ stored: PackedTensor
  ) throws(CheckpointError) -> Stored {
    guard bits.readFlag() else {
      guard bits.bitsLeft / 32 >= count else { throw stored.damaged("its rows are cut off") }
      var values: [Float] = []
      for _ in 0..<count { values.append(bits.readFloat()) }
      return .values(values)
    }
    guard let size = bits.readCount(), (1...SymbolTable.symbolLimit).contains(size) else {
      throw stored.damaged("the list of its rows' numbers is impossible")
    }
    guard bits.readFlag() else {
      var palette: [Float] = []
      for _ in 0..<size { palette.append(bits.readFloat()) }
      return .palette(palette)
    }
    let unit = 1 / Float(1 << bits.read(width: 4))
    var palette: [Float] = []
    var multiple = 0
    for index in 0..<size {
      let step = index == 0 ? bits.readSigned() : bits.readCount().map { $0 + 1 }
      guard let step, abs(step) <= 1 << 16 else {
        throw stored.damaged("the list of its rows' numbers is impossible")
      }
      multiple += step
      palette.append(Float(multiple) * unit)
    }
    return .palette(palette)
  }
}

/// Which columns have codes: a 1 when all have, else a 0 and a bit for each.
enum LiveColumns {
  static func write(_ columns: [Int]?, of count: Int, to bits: inout BitWriter) {
    bits.write(columns == nil)
    guard let columns else { return }
    var next = 0
    for column in 0..<count {
      let isLive = next < columns.count && columns[next] == column
      bits.write(isLive)
      if isLive { next += 1 }
    }
  }

  /// nil when all are live.
  static func read(
    _ bits: inout BitReader, of count: Int, _ stored: PackedTensor
  ) throws(CheckpointError) -> [Int]? {
    if bits.readFlag() { return nil }
    guard bits.bitsLeft >= count else { throw stored.damaged("its columns are cut off") }
    return (0..<count).filter { _ in bits.readFlag() }
  }
}

/// What the encodings of channels share: one array of bytes, as long as the number
/// of weights warrants.
enum ChannelStream {
  /// Weights that a byte may stand for.
  private static let weightsPerByte = 1 << 10

  static func leastByteCount(for shape: Shape) -> Int {
    shape.count / weightsPerByte + 1
  }

  static func filledUp(_ bytes: [UInt8], for shape: Shape) -> [UInt8] {
    bytes + [UInt8](repeating: 0, count: max(0, leastByteCount(for: shape) - bytes.count))
  }

  /// The array of a stored tensor, which is of a size that can be true.
  static func bytes(
    of stored: PackedTensor, _ suffix: String
  ) throws(CheckpointError) -> Bytes {
    let part = try stored.part(suffix)
    guard part.dtype == .u8 else {
      throw stored.damaged("its array '\(suffix)' has the type \(part.dtype.rawValue)")
    }
    let shape = stored.record.shape
    guard shape.count > 0, part.count >= leastByteCount(for: shape) else {
      throw stored.damaged("\(part.count) bytes are too few for \(shape.count) weights")
    }
    return part.bytes
  }
}
