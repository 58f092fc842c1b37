internal import Jobs
internal import Tensors

/// The ranks of a layer's units: which would go first.
struct Ranks: Sendable {
  let units: Units
  /// One rank a unit, tiles row by row.
  let values: [Rank]

  /// Ranks `parameter`'s units by magnitude or by a seeded draw. The draw
  /// depends on the seed, the layer's name and the unit's index alone, so that
  /// it is the same whatever other layers are chosen.
  init(of parameter: Parameter, under pass: Prune, shouldStop: () -> Bool) throws {
    let units = pass.units(of: parameter.shape)
    let tensor = try parameter.tensor()
    let mask = parameter.mask
    let draw = pass.method == .random ? Draw(seed: pass.seed, layer: parameter.name) : nil
    self.units = units
    var values = [Rank](repeating: 0, count: units.count)
    unsafe try tensor.withUnsafeValues { weights in
      for tile in 0..<units.count {
        if tile & 0xFFFF == 0, shouldStop() { throw Cancelled() }
        if units.areSingleWeights {
          if let mask, !mask[tile] { continue }
          values[tile] = unsafe draw?.rank(of: tile) ?? magnitudeRank(of: weights[tile])
        } else {
          let (size, kept) = unsafe Self.rootMeanSquare(weights, mask, units, tile)
          if kept > 0 { values[tile] = draw?.rank(of: tile) ?? magnitudeRank(of: size) }
        }
      }
    }
    self.values = values
  }

  /// √(Σw² / count) of a tile, and how many of its weights are kept.
  private static func rootMeanSquare(
    _ weights: UnsafeBufferPointer<Float>, _ mask: Mask?, _ units: Units, _ tile: Int
  ) -> (size: Float, kept: Int) {
    let (down, across) = tile.quotientAndRemainder(dividingBy: units.across)
    var squares = 0.0
    var kept = 0
    let columns = units.columnRange(across)
    for row in units.rowRange(down) {
      for column in columns {
        let index = row * units.columns + column
        let weight = unsafe Double(weights[index])
        squares += weight * weight
        if mask?[index] ?? true { kept += 1 }
      }
    }
    return (
      Float((squares / Double(units.rowRange(down).count * columns.count)).squareRoot()), kept
    )
  }

  /// Which of the units in `run` lie below `rank`, or are among the first
  /// `ties` that equal it; `ties` is reduced by those.
  func below(_ rank: Rank, ties: inout Int, in run: Range<Int>) -> [Bool] {
    values[run].map { value in
      if value == rank, ties > 0 {
        ties -= 1
        return true
      }
      return value < rank
    }
  }

  /// Which of the units in `run` are its `count` smallest.
  func smallest(_ count: Int, of run: Range<Int>) throws -> [Bool] {
    let found = unsafe try values.withUnsafeBufferPointer { values in
      let run = unsafe UnsafeBufferPointer(rebasing: values[run])
      return unsafe try run.count < 1 << 14
        ? cut(quota: count, sorting: run) : cut(quota: count) { body in unsafe try body(run) }
    }
    var ties = found.ties
    return below(found.rank, ties: &ties, in: run)
  }
}

/// The same cut as `cut(quota:each:)` for few ranks.
private func cut(quota: Int, sorting ranks: UnsafeBufferPointer<Rank>) -> Cut {
  guard quota > 0 else { return .nothing }
  let sorted = unsafe ranks.sorted()
  let rank = sorted[quota - 1]
  return Cut(rank: rank, ties: sorted[..<quota].count { $0 == rank })
}

/// A seeded draw over a layer's units: SplitMix64 (Steele, Lea and Flood, 2014)
/// by position, so that any thread may ask for any of them.
struct Draw: Sendable {
  private let state: UInt64

  /// `layer` enters by its FNV-1a hash.
  init(seed: Int, layer: String) {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in layer.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    state = Self.mix(hash &+ Self.mix(UInt64(truncatingIfNeeded: seed) &+ Self.increment))
  }

  /// A rank from 1 to 2³¹.
  @inline(__always)
  func rank(of index: Int) -> Rank {
    Rank(Self.mix(state &+ UInt64(truncatingIfNeeded: index) &* Self.increment) >> 33) + 1
  }

  private static let increment: UInt64 = 0x9E37_79B9_7F4A_7C15

  @inline(__always)
  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
