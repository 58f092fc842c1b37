/// Where a block of a format has its numbers, as bytes to put there: with some numbers
/// set to 1 or 0, the weights of a block are the others. So the formats are known in
/// one place, the kernel that makes weights of them.
struct BlockLayout {
  /// Bits from an offset in a block on.
  struct Patch {
    let offset: Int
    let bytes: [UInt8]
    /// The bits that are put, byte by byte, again and again.
    let mask: [UInt8]

    init(_ offset: Int, _ bytes: [UInt8], of mask: [UInt8] = [0xFF]) {
      self.offset = offset
      self.bytes = bytes
      self.mask = mask
    }

    /// The same byte `count` times.
    init(_ offset: Int, _ byte: UInt8, times count: Int, of mask: [UInt8] = [0xFF]) {
      self.init(offset, Array(repeating: byte, count: count), of: mask)
    }

    /// The same bytes `count` times.
    init(_ offset: Int, _ bytes: [UInt8], times count: Int, of mask: [UInt8] = [0xFF]) {
      self.init(offset, Array(repeatElement(bytes, count: count).joined()), of: mask)
    }

    func put(in block: inout [UInt8], at start: Int) {
      for (index, byte) in bytes.enumerated() {
        let place = start + offset + index
        let mask = mask[index % mask.count]
        block[place] = block[place] & ~mask | byte & mask
      }
    }

    var bitCount: Int {
      bytes.indices.reduce(0) { $0 + mask[$1 % mask.count].nonzeroBitCount }
    }
  }

  /// The block's scale, such that with the sub-blocks' scales of `partScales` weights are
  /// codes; empty where the scales are of another type.
  private(set) var blockScale = [Patch(0, Self.one)]
  /// Where the block's f16 minimum, or the scale of its minima, is.
  private(set) var minimum: Int?
  /// Bits of all its minima.
  private(set) var minimumBits = 0
  /// Scales of sub-blocks, where there are such, all of them the one that others are
  /// multiples of; their minima 0.
  private(set) var partScales: [Patch] = []
  /// Codes, all of them the one that stands for `unit`.
  let codes: [Patch]
  /// A power of two.
  private(set) var unit = 1
  /// Weights that share a scale: those of a sub-block where there are such.
  let groupSize: Int
  /// Least and greatest code.
  let range: ClosedRange<Int>

  /// As the drawings of `BlockFormat` say.
  init(_ format: BlockFormat) {
    var groupSize = format.weightCount
    switch format {
    case .q8_0: (codes, range) = ([Patch(2, 0x01, times: 32)], -128...127)
    case .q4_0: (codes, range) = ([Patch(2, 0x99, times: 16)], -8...7)
    case .q4_1:
      (codes, range) = ([Patch(4, 0x11, times: 16)], 0...15)
      (minimum, minimumBits) = (2, 16)
    case .q5_0:
      codes = [Patch(2, 0xFF, times: 4), Patch(6, 0x11, times: 16)]
      range = -16...15
    case .q5_1:
      codes = [Patch(4, 0x00, times: 4), Patch(8, 0x11, times: 16)]
      (range, minimum, minimumBits) = (0...31, 2, 16)
    case .q1_0: (codes, range) = ([Patch(2, 0xFF, times: 16)], -1...1)
    case .q2_0: (codes, range) = ([Patch(2, 0xAA, times: 16)], -1...2)
    case .q2K:
      (codes, range, groupSize) = ([Patch(16, 0x55, times: 64)], 0...3, 16)
      (blockScale, partScales) = ([Patch(80, Self.one)], [Patch(0, 0x01, times: 16)])
      (minimum, minimumBits) = (82, 16 + 16 * 4)
    case .q3K:
      codes = [Patch(0, 0xFF, times: 32), Patch(32, 0x55, times: 64)]
      (range, groupSize) = (-4...3, 16)
      blockScale = [Patch(108, Self.one)]
      partScales = [Patch(96, 0x11, times: 8), Patch(104, 0xAA, times: 4)]
    case .q4K:
      (codes, range, groupSize) = ([Patch(16, 0x11, times: 128)], 0...15, 32)
      (partScales, minimum, minimumBits) = (Self.sixBitOnes, 2, 16 + 8 * 6)
    case .q5K:
      codes = [Patch(16, 0x00, times: 32), Patch(48, 0x11, times: 128)]
      (range, groupSize) = (0...31, 32)
      (partScales, minimum, minimumBits) = (Self.sixBitOnes, 2, 16 + 8 * 6)
    case .q6K:
      codes = [Patch(0, 0x11, times: 128), Patch(128, 0xAA, times: 64)]
      (range, groupSize) = (-32...31, 16)
      (blockScale, partScales) = ([Patch(208, Self.one)], [Patch(192, 0x01, times: 16)])
    case .iq4NL: (codes, range) = ([Patch(2, 0x88, times: 16)], -127...113)
    case .iq4XS:
      (codes, range, groupSize) = ([Patch(8, 0x88, times: 128)], -127...113, 32)
      partScales = [Patch(2, 0xAA, times: 2), Patch(4, 0x11, times: 4)]
    case .tq1_0:
      (codes, range, blockScale) = ([Patch(0, 0xFF, times: 52)], -1...1, [Patch(52, Self.one)])
    case .tq2_0:
      (codes, range, blockScale) = ([Patch(0, 0xAA, times: 64)], -1...2, [Patch(64, Self.one)])
    case .mxfp4:
      (codes, range) = ([Patch(1, 0x11, times: 16)], -12...12)
      (blockScale, partScales) = ([], [Patch(0, [128])])
    case .nvfp4:
      (codes, range, groupSize) = ([Patch(4, 0x11, times: 32)], -12...12, 16)
      (blockScale, partScales) = ([], [Patch(0, 0x40, times: 4)])
    case .q8K:
      (codes, range) = ([Patch(4, 0x01, times: 256)], -128...127)
      blockScale = [Patch(0, [0x00, 0x00, 0x80, 0x3F])]
    // Of the codebook of IQ1, vector 0x405 is of zeros.
    case .iq1S:
      codes = [
        Patch(2, 0x05, times: 32), Patch(34, [0x24, 0x09], times: 8, of: [0xFF, 0x8F]),
      ]
      (range, groupSize, blockScale) = (-9...9, 32, [Patch(0, Self.eight)])
      partScales = [Patch(34, 0x00, times: 16, of: [0x00, 0x70])]
    case .iq1M:
      codes = [Patch(0, 0x05, times: 32), Patch(32, 0x44, times: 16)]
      (range, groupSize) = (-9...9, 16)
      blockScale = [Patch(48, [0, 0x00, 0, 0x00, 0, 0x80, 0, 0x40], of: [0x00, 0xF0])]
      partScales = [Patch(48, 0x00, times: 8, of: [0xFF, 0x0F])]
    // Vector 0 of the others is of the least value, and no bit of sign is set.
    case .iq2XXS:
      let isCode: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F]
      codes = [Patch(2, 0x00, times: 64, of: isCode)]
      (range, groupSize, blockScale, unit) = (-43...43, 32, [Patch(0, Self.eight)], 8)
      partScales = [Patch(2, 0x00, times: 64, of: isCode.map(~))]
    case .iq2XS:
      codes = [Patch(2, 0x00, times: 64)]
      (range, groupSize, blockScale, unit) = (-43...43, 16, [Patch(0, Self.eight)], 8)
      partScales = [Patch(66, 0x00, times: 8)]
    case .iq2S:
      codes = [Patch(2, 0x00, times: 72)]
      (range, groupSize, blockScale, unit) = (-43...43, 16, [Patch(0, Self.eight)], 8)
      partScales = [Patch(74, 0x00, times: 8)]
    case .iq3XXS:
      let isCode: [UInt8] = [0xFF, 0xFF, 0xFF, 0x0F]
      codes = [Patch(2, 0x00, times: 64), Patch(66, 0x00, times: 32, of: isCode)]
      (range, groupSize, blockScale, unit) = (-62...62, 32, [Patch(0, Self.four)], 4)
      partScales = [Patch(66, 0x00, times: 32, of: isCode.map(~))]
    case .iq3S:
      codes = [Patch(2, 0x00, times: 104)]
      (range, groupSize) = (-15...15, 32)
      partScales = [Patch(106, 0x00, times: 4)]
    }
    self.groupSize = groupSize
  }

  /// Eight scales of 1 and eight minima of 0, of six bits each.
  private static let sixBitOnes = [
    Patch(4, [1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1])
  ]

  /// Whether each block has a scale for the scales of its sub-blocks.
  var hasBlockScales: Bool { !blockScale.isEmpty && !partScales.isEmpty }

  /// f16 numbers.
  private static let one: [UInt8] = [0x00, 0x3C]
  private static let four: [UInt8] = [0x00, 0x44]
  private static let eight: [UInt8] = [0x00, 0x48]
  private static let zero: [UInt8] = [0x00, 0x00]
  private static let minusZero: [UInt8] = [0x00, 0x80]

  private func put(_ bytes: [UInt8], at offset: Int?) -> [Patch] {
    offset.map { [Patch($0, bytes)] } ?? []
  }

  /// Makes weights of codes: code × 1 + 0.
  var plainScales: [Patch] {
    blockScale + partScales + put(Self.zero, at: minimum)
  }

  /// Makes weights of the scales of their groups: unit × scale − 0, which keeps the sign of
  /// a scale of 0. An own minimum is added, a scale of minima subtracted.
  var plainCodes: [Patch] {
    codes + put(partScales.isEmpty ? Self.minusZero : Self.zero, at: minimum)
  }

  /// Makes weights of the scales of their blocks.
  var plainParts: [Patch] { plainCodes + partScales }

  /// Makes weights of the minima of their groups: code × −0 + minimum, which keeps the
  /// sign of a minimum of 0.
  var noScales: [Patch]? {
    guard minimum != nil else { return nil }
    return put(Self.minusZero, at: blockScale.first?.offset)
  }
}

extension BlockFormat {
  /// Weights that share a scale, and a minimum where there is one: those of a block, or
  /// of a part of it.
  public var groupWeightCount: Int { BlockLayout(self).groupSize }

  /// What the codes stand for, times the scale: ascending, all whole numbers.
  public var codeValues: [Int] {
    let range = BlockLayout(self).range
    switch self {
    case .q8_0, .q4_0, .q4_1, .q5_0, .q5_1, .q2_0, .q2K, .q3K, .q4K, .q5K, .q6K, .q8K, .tq1_0,
      .tq2_0:
      return Array(range)
    case .q1_0: return [-1, 1]
    case .iq1S, .iq1M: return [-9, -7, -1, 1, 7, 9]
    case .iq2XXS, .iq2XS, .iq2S: return [-43, -25, -8, 8, 25, 43]
    case .iq3XXS:
      return [-62, -52, -44, -36, -28, -20, -12, -4, 4, 12, 20, 28, 36, 44, 52, 62]
    case .iq3S: return Array(stride(from: -15, through: 15, by: 2))
    case .iq4NL, .iq4XS, .mxfp4, .nvfp4: return nibbleValues
    }
  }

  /// Whether what the codes stand for is evenly spaced.
  public var isEven: Bool {
    switch self {
    case .iq1S, .iq1M, .iq2XXS, .iq2XS, .iq2S, .iq3XXS, .iq4NL, .iq4XS, .mxfp4, .nvfp4: false
    case .q8_0, .q4_0, .q4_1, .q5_0, .q5_1, .q1_0, .q2_0, .q2K, .q3K, .q4K, .q5K, .q6K, .q8K,
      .iq3S, .tq1_0, .tq2_0:
      true
    }
  }

  /// Of formats of four bits: what each of them stands for.
  private var nibbleValues: [Int] {
    var block = [UInt8](repeating: 0, count: byteCount)
    let layout = BlockLayout(self)
    for (index, byte) in (layout.codes.first?.bytes.indices ?? 0..<0).enumerated() {
      block[(layout.codes.first?.offset ?? 0) + byte] = UInt8(index % 16) * 0x11
    }
    let codes = unsafe block.withUnsafeBytes {
      unsafe BlockCodes([1, weightCount], $0, of: self, threads: 1)
    }
    return Set((codes?.codes.array ?? []).map { Int($0) }).sorted()
  }

  /// Bits of the scales, block's and sub-blocks', for each weight; of Q8_K the sums too.
  public var scaleBitsPerWeight: Double {
    bitsPerWeight - codeBitsPerWeight - minimumBitsPerWeight
  }

  /// Bits of the minima for each weight; 0 if the format has no minima.
  public var minimumBitsPerWeight: Double {
    Double(BlockLayout(self).minimumBits) / Double(weightCount)
  }

  /// Bits of the codes for each weight.
  public var codeBitsPerWeight: Double {
    Double(BlockLayout(self).codes.reduce(0) { $0 + $1.bitCount }) / Double(weightCount)
  }
}
