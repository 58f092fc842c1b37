internal import Jobs
internal import Tensors

/// A layer's units and the order in which they would go.
///
/// Scores are f32 numbers compared by the bits of their magnitude, as `Select`
/// does. Where `isShifted`, a score of 0 means gone already, and all others are
/// one bit pattern higher than they were.
struct Ranking: Sendable {
  let units: Units
  /// One score a unit: `[down, across]`, or the layer's own shape for weights.
  let scores: Tensor
  let isShifted: Bool

  /// Ranks the units of a layer's weights by magnitude (structures by root mean square) or
  /// by a seeded draw. The draw depends on the seed, the layer's name and the
  /// unit's index alone, so that it is the same whatever other layers are chosen.
  ///
  /// Rankings that are compared must all be shifted or none. Weights by magnitude
  /// are ranked by themselves, without a copy, if they need no shift.
  init(
    of weights: Weights, layer: String, under pass: Prune, shifted: Bool, threads: Int,
    shouldStop: @Sendable () -> Bool
  ) throws {
    let (values, mask) = (weights.values, weights.mask)
    units = pass.units(of: values.shape)
    let draw = pass.method == .random ? Draw(seed: pass.seed, layer: layer) : nil
    isShifted = shifted || draw != nil || !units.areSingleWeights
    if !isShifted {
      scores = values
    } else if units.areSingleWeights {
      scores = Self.scores(values, mask, draw, threads, shouldStop)
    } else {
      scores = Self.scores(units, values, mask, draw, threads, shouldStop)
    }
    if shouldStop() { throw Cancelled() }
  }

  /// The score of a magnitude in this ranking; the sign does not matter.
  func score(ofMagnitude magnitude: Float) -> Float {
    isShifted ? Self.shifted(magnitude) : magnitude
  }

  /// One bit pattern up, so that 0 is left for what is gone; NaN stays the last.
  @inline(__always)
  private static func shifted(_ magnitude: Float) -> Float {
    Float(bitPattern: min(magnitude.bitPattern & 0x7FFF_FFFF + 1, 0x7FFF_FFFF))
  }

  /// Scores of single weights.
  private static func scores(
    _ weights: Tensor, _ mask: Mask?, _ draw: Draw?, _ threads: Int,
    _ shouldStop: @Sendable () -> Bool
  ) -> Tensor {
    let count = weights.shape.count
    return unsafe Tensor(weights.shape) { out in
      let out = unsafe Shared(out)
      Parallel.forEach(
        count: Parallel.chunks(count), threads: threads, shouldStop: shouldStop
      ) { chunk in
        unsafe weights.withUnsafeValues { weights in
          for index in Parallel.range(chunk, of: count) {
            let score = unsafe draw?.score(of: index) ?? shifted(weights[index])
            unsafe out.pointer[index] = mask?[index] ?? true ? score : 0
          }
        }
      }
    }
  }

  /// Scores of tiles, a row of them at a time.
  private static func scores(
    _ units: Units, _ weights: Tensor, _ mask: Mask?, _ draw: Draw?, _ threads: Int,
    _ shouldStop: @Sendable () -> Bool
  ) -> Tensor {
    unsafe Tensor([units.down, units.across]) { out in
      let out = unsafe Shared(out)
      Parallel.forEach(count: units.down, threads: threads, shouldStop: shouldStop) { row in
        let (sizes, kept) = sizes(of: row, units, weights, mask, shouldStop)
        for tile in 0..<units.across {
          let index = row * units.across + tile
          let score = draw?.score(of: index) ?? shifted(sizes[tile])
          unsafe out.pointer[index] = kept[tile] ? score : 0
        }
      }
    }
  }

  /// √(Σw² / count) of each tile in a row of tiles, and whether any of its
  /// weights is kept.
  private static func sizes(
    of tileRow: Int, _ units: Units, _ weights: Tensor, _ mask: Mask?,
    _ shouldStop: @Sendable () -> Bool
  ) -> (sizes: [Float], kept: [Bool]) {
    let rows = units.rowRange(tileRow)
    var squares = [Double](repeating: 0, count: units.across)
    var kept = [Bool](repeating: mask == nil, count: units.across)
    for row in rows {
      if row & 63 == 0, shouldStop() { break }
      let start = row * units.columns
      unsafe weights.withUnsafeValues { weights in
        unsafe add(
          UnsafeBufferPointer(rebasing: weights[start..<start + units.columns]),
          width: units.width, to: &squares)
      }
      guard let mask else { continue }
      for tile in 0..<units.across where !kept[tile] {
        let columns = units.columnRange(tile)
        kept[tile] = mask.keptCount(in: start + columns.lowerBound..<start + columns.upperBound) > 0
      }
    }
    let sizes = squares.indices.map { (tile: Int) -> Float in
      let count = rows.count * units.columnRange(tile).count
      return Float((squares[tile] / Double(count)).squareRoot())
    }
    return (sizes, kept)
  }
}

/// Adds the squares of a row's weights to the sums of the tiles they are in.
private func add(
  _ row: UnsafeBufferPointer<Float>, width: Int, to squares: inout [Double]
) {
  unsafe squares.withUnsafeMutableBufferPointer { squares in
    if width == 1 {
      for column in row.indices {
        let weight = unsafe Double(row[column])
        unsafe squares[column] += weight * weight
      }
      return
    }
    for tile in squares.indices {
      var sum = 0.0
      for column in tile * width..<min((tile + 1) * width, row.count) {
        let weight = unsafe Double(row[column])
        sum += weight * weight
      }
      unsafe squares[tile] += sum
    }
  }
}

/// A seeded draw over a layer's units: SplitMix64 (Steele, Lea and Flood, 2014)
/// by position, so that any thread may ask for any of them.
struct Draw: Sendable {
  private let state: UInt64

  /// `layer` enters by its FNV-1a hash.
  init(seed: Int, layer: String) {
    let hash = Fingerprint(of: layer.utf8).value
    state = Self.mix(hash &+ Self.mix(UInt64(truncatingIfNeeded: seed) &+ Self.increment))
  }

  /// A score of 30 random bits, never 0.
  @inline(__always)
  func score(of index: Int) -> Float {
    let random = Self.mix(state &+ UInt64(truncatingIfNeeded: index) &* Self.increment)
    return Float(bitPattern: UInt32(random >> 34) + 1)
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
