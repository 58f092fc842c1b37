/// How often each symbol 0…k−1 is expected, in 4096ths: the static model of the
/// entropy coder, made of true counts by sums, products and quotients of whole
/// numbers, so that writer and reader have the same.
struct SymbolTable {
  static let precision = 12
  static let total = 1 << precision
  /// A table of more symbols would round too roughly.
  static let symbolLimit = 1 << 10

  /// Of each symbol; 0 for one that never occurs.
  let shares: [UInt64]
  /// Sum of the shares before each symbol.
  let starts: [UInt64]

  /// nil unless there are 1…1024 symbols, one of which occurs; counts are below
  /// 2^48.
  init?(counts: [Int]) {
    let sum = counts.reduce(0, +)
    let used = counts.count { $0 > 0 }
    guard sum > 0, counts.count <= Self.symbolLimit,
      let largest = counts.indices.max(by: { counts[$0] < counts[$1] })
    else { return nil }
    var shares = counts.map { $0 == 0 ? 0 : max(1, $0 * Self.total / sum) }
    let rest = Self.total - shares.reduce(0, +)
    if shares[largest] + rest < 1 {
      // So many rare symbols that the commonest cannot pay for all of them.
      shares = counts.map { $0 == 0 ? 0 : 1 + $0 * (Self.total - used) / sum }
    }
    shares[largest] += Self.total - shares.reduce(0, +)
    self.shares = shares.map(UInt64.init)
    var start: UInt64 = 0
    starts = self.shares.map { share in
      defer { start += share }
      return start
    }
  }

  /// The symbol of each of the 4096 places.
  var places: [UInt16] {
    shares.enumerated().flatMap { symbol, share in
      [UInt16](repeating: UInt16(symbol), count: Int(share))
    }
  }
}

/// An asymmetric numeral system (Duda 2013, the range variant): one number x that
/// grows by a symbol's information, its low 32 bits leaving whenever it would
/// pass 2^64. Symbols are put in backwards and come out forwards.
struct SymbolEncoder {
  /// Where x begins, and what it never falls below.
  static let lowest: UInt64 = 1 << 32

  private var state = Self.lowest
  private var words: [UInt32] = []

  @inline(__always)
  mutating func put(_ symbol: Int, _ table: SymbolTable) {
    let share = table.shares[symbol]
    // A symbol that is certain says nothing.
    guard share < UInt64(SymbolTable.total) else { return }
    if state >= share << UInt64(64 - SymbolTable.precision) {
      words.append(UInt32(truncatingIfNeeded: state))
      state >>= 32
    }
    let (quotient, remainder) = state.quotientAndRemainder(dividingBy: share)
    state = quotient << UInt64(SymbolTable.precision) + remainder + table.starts[symbol]
  }

  /// x in 8 bytes, then the words that left it, the last one first.
  consuming func finished() -> [UInt8] {
    var bytes = (0..<8).map { UInt8(truncatingIfNeeded: state >> UInt64(8 * $0)) }
    bytes.reserveCapacity(8 + 4 * words.count)
    for word in words.reversed() {
      for byte in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(8 * byte))) }
    }
    return bytes
  }
}

/// Takes symbols out again. Behind the end it reads zeros; `isWhole` tells
/// whether what came out can be what went in.
struct SymbolDecoder {
  private let source: Bytes
  private var state: UInt64
  private var next = 8

  /// nil where there is no state.
  init?(_ source: Bytes) {
    guard source.count >= 8 else { return nil }
    self.source = source
    state = source.load(at: 0)
    guard state >= SymbolEncoder.lowest else { return nil }
  }

  /// Whether all has been taken out that was put in.
  var isWhole: Bool { state == SymbolEncoder.lowest && next <= source.count }
  /// Bytes read so far.
  var byteCount: Int { next }

  @inline(__always)
  mutating func take(_ table: SymbolTable, places: [UInt16]) -> Int {
    let place = state & UInt64(SymbolTable.total - 1)
    let symbol = Int(places[Int(place)])
    let share = table.shares[symbol]
    guard share < UInt64(SymbolTable.total) else { return symbol }
    state = share &* (state >> UInt64(SymbolTable.precision)) &+ place &- table.starts[symbol]
    if state < SymbolEncoder.lowest {
      let word = next + 4 <= source.count ? source.load(UInt32.self, at: next) : 0
      state = state << 32 | UInt64(word)
      next += 4
    }
    return symbol
  }
}
