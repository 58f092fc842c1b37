import CheckpointIO
import Tensors
import TestSupport
import Testing

/// Matrices that a file has in blocks, after weights were pruned: the blocks stay.
@Suite struct PrunedBlocksTests {
  private static let shape: Shape = [12, 512]

  /// With a code for 0, without one, and with codes that share bits.
  private static let withZero: [BlockFormat] = [
    .q8_0, .q4_0, .q5_0, .q2_0, .q3K, .q6K, .tq2_0, .mxfp4, .nvfp4,
  ]
  private static let withoutZero: [BlockFormat] = [
    .q4_1, .q5_1, .q1_0, .q2K, .q4K, .q5K, .iq4NL, .iq4XS,
  ]
  private static let formats = withZero + withoutZero + [.tq1_0]

  @Test func itIsKnownWhichFormatsHaveACodeForZero() {
    for format in Self.withZero { #expect(BlockCoding.of(format)?.zero != nil, "\(format)") }
    for format in Self.withoutZero {
      let coding = BlockCoding.of(format)
      #expect(coding != nil && coding?.zero == nil, "\(format)")
    }
    let shared: [BlockFormat] = [
      .tq1_0, .q8K, .iq1S, .iq1M, .iq2XXS, .iq2XS, .iq2S, .iq3XXS, .iq3S,
    ]
    for format in shared { #expect(BlockCoding.of(format) == nil, "\(format)") }
    #expect(Set(Self.withZero + Self.withoutZero + shared) == Set(BlockFormat.allCases))
  }

  @Test(arguments: formats)
  func codesGoOutOfBlocksAndBack(format: BlockFormat) throws {
    guard let coding = BlockCoding.of(format) else { return }
    let blocks = Self.blocks(format)
    let codes = coding.codes(of: blocks)
    #expect(codes.allSatisfy { Int($0) < 1 << coding.bits })
    #expect(coding.putting(codes, into: blocks) == blocks)
    let zeros = coding.putting([UInt8](repeating: 0, count: codes.count), into: blocks)
    #expect(coding.putting(codes, into: zeros) == blocks)
    #expect(
      coding.sideByteCount * 8 + coding.bits * format.weightCount == format.byteCount * 8)
  }

  /// The values come back, from no more than the blocks took, or a bit a weight more.
  @Test(arguments: formats)
  func aPackedFileHoldsAMaskAndTheCodesThatAreLeft(format: BlockFormat) throws {
    let blocks = Self.blocks(format)
    for pruning in Pruning.allCases {
      let parameter = try Self.parameter(format, blocks, pruning)
      let file = try saved([parameter], form: .packed)
      let back = file.checkpoint.parameters[0]
      // A 0 among codes has the sign of its scale.
      let (found, meant) = (try back.tensor().array, try parameter.tensor().array)
      #expect(zip(found, meant).allSatisfy { $0 == $1 }, "\(pruning)")
      let size = file.entries[0].byteCount
      if pruning == .half, BlockCoding.of(format)?.bits ?? 0 > 2 {
        #expect(size < blocks.count)
        #expect(file.entries[0].encoding == "bitmap+blocks")
        #expect(haveSameBits(try back.tensor(), try parameter.tensor()))
      } else if Self.withZero.contains(format) || ![.one, .half].contains(pruning) {
        #expect(size <= blocks.count, "\(pruning)")
      } else {
        #expect(size <= blocks.count + Self.shape.count / 8, "\(pruning)")
      }
      // What was read is saved to the same bytes, and pruned further.
      let again = try saved([back], of: file.checkpoint, form: .packed)
      let isSame = again.bytes == file.bytes
      #expect(isSame, "\(pruning)")
      #expect(file.entries[0].byteCount == SavePlan.packedByteCount(of: back, try back.loaded()))
    }
  }

  /// Of whole blocks, and of blocks with a mask.
  @Test(arguments: formats)
  func rowsAreReadByThemselves(format: BlockFormat) throws {
    for pruning in Pruning.allCases {
      let parameter = try Self.parameter(format, Self.blocks(format), pruning)
      let file = try saved([parameter], form: .packed)
      guard file.entries[0].encoding != "dense" else { continue }
      try expectRows(of: file.checkpoint.parameters[0])
      try expectRows(of: try Self.gguf(parameter).back)
    }
  }

  /// Kept weights have the bits they had; pruned ones are 0, or it is said that they are not.
  @Test(arguments: formats)
  func aGGUFFileHasTheSameTypeAndTheKeptWeightsAsTheyWere(format: BlockFormat) throws {
    let blocks = Self.blocks(format)
    for pruning in Pruning.allCases {
      let parameter = try Self.parameter(format, blocks, pruning)
      let (plan, back) = try Self.gguf(parameter)
      if format == .tq1_0, pruning == .half || pruning == .one { continue }
      #expect(plan.entries[0].type == format.rawValue)
      let (meant, found) = (try parameter.tensor().array, try back.tensor().array)
      let mask = try parameter.loaded().mask
      var pruned = 0
      for index in meant.indices {
        if mask?[index] ?? true {
          guard meant[index].bitPattern != found[index].bitPattern else { continue }
          Issue.record("weight \(index) of \(format) is \(found[index]), not \(meant[index])")
          break
        }
        pruned += found[index] == 0 ? 0 : 1
      }
      if Self.withZero.contains(format) || pruning == .blocks { #expect(pruned == 0) }
      #expect((pruned == 0) == plan.losses.isEmpty, "\(pruning)")
      #expect(plan.losses.allSatisfy { $0.kind == .nearest && $0.changesValues })
      // Of both files, the same is made again; where nothing is left, no blocks are.
      if pruning == .all { continue }
      let packed = try saved([parameter], form: .packed).checkpoint.parameters[0]
      #expect(try Self.gguf(packed).plan.byteCount == plan.byteCount)
      #expect(haveSameBits(try Self.gguf(packed).back.tensor(), try back.tensor()))
    }
  }

  /// Kept weights still have codes and scales, in memory and in the packed file, whose name
  /// of its type is that of the blocks.
  @Test(arguments: formats)
  func keptWeightsHaveTheirCodes(format: BlockFormat) throws {
    let stored = Self.blocks(format)
    let original = try Self.parameter(format, stored, .none)
    let whole = try #require(original.prunedBlocks(of: try original.loaded()))
    #expect(whole.kept == nil && whole.bits.mask == 0)
    for pruning in Pruning.allCases where pruning != .none {
      let parameter = try Self.parameter(format, stored, pruning)
      let weights = try parameter.loaded()
      let blocks = try #require(parameter.prunedBlocks(of: weights))
      #expect(blocks.format == format)
      let figures = try #require(blocks.figures(threads: 2))
      let kept = try #require(blocks.kept)
      #expect(figures.count == kept.keptCount)
      #expect((figures.scales == nil) == (pruning == .all))
      for (row, column) in [(0, 77), (3, 5), (7, 300)] {
        let group = try #require(blocks.group(row: row, column: column))
        let before = try #require(whole.group(row: row, column: column))
        #expect(group.codes == before.codes && group.scale == before.scale)
        for (index, place) in group.columns.enumerated() {
          let isKept = kept[group.rows.lowerBound * 512 + place]
          #expect(group.pruned.contains(index) != isKept)
          #expect(group.weights[index] == (isKept ? before.weights[index] : 0))
        }
      }
      let file = try saved([parameter], form: .packed)
      guard file.entries[0].encoding == "bitmap+blocks" else { continue }
      let bits = blocks.bits
      let sum = bits.mask + bits.codes + bits.scales + bits.minima
      #expect(abs(sum - Double(file.entries[0].byteCount * 8) / Double(Self.shape.count)) < 0.002)
      #expect(file.checkpoint.tensors[0].dtypeName == format.rawValue)
      let back = file.checkpoint.parameters[0]
      let again = try #require(back.prunedBlocks(of: try back.loaded()))
      #expect(again.figures(threads: 1) == figures && again.kept == kept)
    }
    let tensor = try original.tensor()
    let other = original.replacing(
      Tensor(tensor.shape, tensor.array.map { $0 * 1.37 + 0.01 }), grid: nil, mask: nil)
    #expect(other.prunedBlocks(of: try other.loaded()) == nil)
  }

  /// Weights that are others now are fitted to blocks of the same type, and it is said.
  @Test func changedWeightsAreFittedToTheSameBlocks() throws {
    let parameter = try Self.parameter(.q5_0, Self.blocks(.q5_0), .none)
    let tensor = try parameter.tensor()
    let other = parameter.replacing(
      Tensor(tensor.shape, tensor.array.map { $0 * 1.37 + 0.01 }), grid: nil, mask: nil)
    let (plan, _) = try Self.gguf(other)
    #expect(plan.entries[0].type == "Q5_0")
    #expect(plan.losses.map(\.kind) == [.quantized])
    let file = try saved([other], form: .packed)
    #expect(file.entries[0].encoding == "dense")
  }

  /// Of a format that is only read, other weights have no blocks to be in.
  @Test func changedWeightsOfAFormatThatIsNotWrittenAreValues() throws {
    let parameter = try Self.parameter(.iq4XS, Self.blocks(.iq4XS), .none)
    let tensor = try parameter.tensor()
    let other = parameter.replacing(
      Tensor(tensor.shape, tensor.array.map { $0 * 1.37 + 0.01 }), grid: nil, mask: nil)
    let (plan, _) = try Self.gguf(other)
    #expect(plan.entries[0].type == "F16" && plan.entries[0].fallback != nil)
  }

  enum Pruning: CaseIterable { case none, one, half, blocks, all }

  private static func gguf(_ parameter: Parameter) throws -> (plan: GGUFPlan, back: Parameter) {
    let folder = TemporaryFolder()
    let plan = try GGUFPlan.make(parameters: Parameters([parameter]), storage: .own)
    try plan.write(to: folder.file("a.gguf"))
    return (plan, try Checkpoint.open(folder.file("a.gguf")).parameters[0])
  }

  /// Blocks of any bytes whose weights are finite.
  private static func blocks(_ format: BlockFormat) -> [UInt8] {
    var random = SplitMix64(seed: UInt64(format.byteCount * 1000 + format.weightCount))
    let count = shape.count / format.weightCount
    return (0..<count).flatMap { _ -> [UInt8] in
      while true {
        let block = (0..<format.byteCount).map { _ in UInt8.random(in: 0...255, using: &random) }
        let values = unsafe block.withUnsafeBytes {
          unsafe Tensor([1, format.weightCount], dequantizing: $0, from: format)
        }
        if values?.array.allSatisfy(\.isFinite) ?? false { return block }
      }
    }
  }

  private static func parameter(
    _ format: BlockFormat, _ blocks: [UInt8], _ pruning: Pruning
  ) throws -> Parameter {
    let whole = try #require(
      unsafe blocks.withUnsafeBytes {
        unsafe Tensor(shape, dequantizing: $0, from: format)
      })
    let parameter = Parameter(
      name: "a.weight", shape: shape, dtype: .f32,
      place: Place(block: nil, layer: "a", role: .linear), load: { whole }
    ).storedIn(StoredBlocks(format) { blocks })
    let keeps: (Int) -> Bool =
      switch pruning {
      case .none: { _ in true }
      case .one: { $0 != 77 }
      case .half: { $0 % 2 == 0 }
      case .blocks: { $0 / 512 != 3 }
      case .all: { _ in false }
      }
    if pruning == .none { return parameter }
    var words = [UInt64](repeating: 0, count: shape.count / 64)
    for index in 0..<shape.count where keeps(index) {
      words[index / 64] |= 1 << UInt64(index % 64)
    }
    let mask = Mask(shape: shape, words: words)
    let values = try #require(mask.applying(to: whole))
    return parameter.replacing(values, grid: nil, mask: mask)
  }
}
