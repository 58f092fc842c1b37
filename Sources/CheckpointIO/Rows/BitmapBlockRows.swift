internal import CKernels
internal import Tensors

/// Rows of pruned blocks of ggml's formats (`BitmapBlocksEncoding`): each row's blocks are put
/// together again when it is read.
struct BitmapBlockRows: RowReader {
  private let bitmap: RowsOfBitmap
  private let format: BlockFormat
  /// nil of a format whose weights share bits.
  private let coding: BlockCoding?
  private let ranges: [Range<Int>]
  private let side: Bytes
  private let codes: Bytes?
  /// Blocks with a kept weight before each row.
  private let liveBefore: [Int]
  /// nil where rows are to be read.
  private let groups: CodeGroups?
  /// Of each group of each row's blocks.
  private let scales: [Float]
  private let shifts: [Float]

  var keptByteCount: Int {
    bitmap.keptByteCount + liveBefore.count * MemoryLayout<Int>.stride
      + (scales.count + shifts.count) * MemoryLayout<Float>.stride
  }

  private var blocksPerRow: Int { bitmap.columns / format.weightCount }

  /// Throws `CheckpointError.invalidPacking`.
  init(_ stored: PackedTensor, _ format: BlockFormat) throws(CheckpointError) {
    let bitmap = try RowsOfBitmap(stored)
    let coding = BlockCoding.of(format)
    (self.bitmap, self.coding, self.format) = (bitmap, coding, format)
    ranges = PrunedBlocks.side(format, coding)
    let live = PrunedBlocks.liveBlocks(try Bitmap.mask(stored), format)
    let sideByteCount = ranges.reduce(0) { $0 + $1.count }
    side = try stored.part("side", of: [.u8], count: live.count * sideByteCount).bytes
    if let coding {
      let count = BitPacking.byteCount(bitmap.keptCount, bits: coding.bits)
      codes = try stored.part("codes", of: [.u8], count: count).bytes
    } else {
      codes = nil
    }
    let perRow = bitmap.columns / format.weightCount
    var before = [Int](repeating: 0, count: stored.record.shape.rows)
    var next = live[...]
    for row in before.indices {
      before[row] = next.startIndex
      next = next.drop { $0 < (row + 1) * perRow }
    }
    liveBefore = before
    (groups, scales, shifts) = Self.groups(
      coding, side, live, of: stored.record.shape.rows * perRow, format)
  }

  /// Scales and shifts of the groups of `count` blocks. `live` are those that have a kept weight; of
  /// the others both are 0.
  private static func groups(
    _ coding: BlockCoding?, _ side: Bytes, _ live: [Int], of count: Int, _ format: BlockFormat
  ) -> (CodeGroups?, scales: [Float], shifts: [Float]) {
    guard let coding, let line = coding.line,
      let groups = CodeGroups(columns: line.group, bits: coding.bits, line.numbers)
    else { return (nil, [], []) }
    var blocks = [UInt8](repeating: 0, count: live.count * format.byteCount)
    var taken = 0
    for block in live.indices {
      for range in coding.side {
        for offset in range {
          blocks[block * format.byteCount + offset] = side[taken]
          taken += 1
        }
      }
    }
    guard let found = coding.scales(of: blocks) else { return (nil, [], []) }
    let perBlock = format.weightCount / line.group
    var scales = [Float](repeating: 0, count: count * perBlock)
    var shifts = scales
    for (index, block) in live.enumerated() {
      for group in 0..<perBlock {
        scales[block * perBlock + group] = found.scales[index * perBlock + group]
        shifts[block * perBlock + group] = found.shifts[index * perBlock + group]
      }
    }
    return (groups, scales, shifts)
  }

  var multiplies: Bool { groups != nil }

  func multiply(
    _ rows: Range<Int>, by input: RowInput, into output: UnsafeMutablePointer<Float>
  ) {
    guard let groups, let codes else { return }
    let perRow = bitmap.columns / groups.columns
    unsafe codes.withUnsafeBytes { codes in
      unsafe bitmap.bytes.withUnsafeBytes { bits in
        unsafe scales.withUnsafeBufferPointer { scales in
          unsafe shifts.withUnsafeBufferPointer { shifts in
            guard let scales = scales.baseAddress, let shifts = shifts.baseAddress else { return }
            for row in rows {
              unsafe output[row - rows.lowerBound] = unsafe groups.multiply(
                codes, from: bitmap.kept(of: row).lowerBound, scales: scales + row * perRow,
                shifts: shifts + row * perRow, bitmap: bits, from: row * bitmap.columns,
                by: input)
            }
          }
        }
      }
    }
  }

  func read(_ rows: Range<Int>, into values: UnsafeMutablePointer<Float>) {
    var words = [UInt64](repeating: 0, count: bitmap.wordCount)
    for row in rows {
      let target = unsafe values + (row - rows.lowerBound) * bitmap.columns
      unsafe words.withUnsafeMutableBufferPointer {
        guard let start = $0.baseAddress else { return }
        unsafe bitmap.read(row, into: start)
      }
      let blocks = blocks(of: row, words)
      unsafe blocks.withUnsafeBufferPointer { blocks in
        unsafe words.withUnsafeBufferPointer { words in
          guard let blocks = blocks.baseAddress, let words = words.baseAddress else { return }
          unsafe format.dequantizeRow(blocks, blocks: blocksPerRow, into: target)
          unsafe pare_apply_mask(KernelLevel.best, target, bitmap.columns, words, 0, target, 0)
        }
      }
    }
  }

  private func blocks(of row: Int, _ words: [UInt64]) -> [UInt8] {
    let mask = Mask(shape: [1, bitmap.columns], words: words)
    var blocks = [UInt8](repeating: 0, count: blocksPerRow * format.byteCount)
    var taken = liveBefore[row] * ranges.reduce(0) { $0 + $1.count }
    for block in PrunedBlocks.liveBlocks(mask, format) {
      for range in ranges {
        for offset in range {
          blocks[block * format.byteCount + offset] = side[taken]
          taken += 1
        }
      }
    }
    guard let coding, let codes else { return blocks }
    let kept = bitmap.kept(of: row)
    let spread = unsafe [UInt8](unsafeUninitializedCapacity: bitmap.columns) { target, count in
      unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: kept.count + 8) { unpacked in
        unsafe words.withUnsafeBufferPointer { words in
          guard let target = target.baseAddress, let unpacked = unpacked.baseAddress,
            let words = words.baseAddress
          else { return }
          let first = unsafe codes.unpack(kept, bits: coding.bits, into: unpacked)
          unsafe bitmap.spread(unpacked + first, by: words, over: target)
        }
      }
      count = bitmap.columns
    }
    return coding.putting(spread, into: blocks)
  }

  var origin: any FileBytes { side }
}
