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

  var keptByteCount: Int {
    bitmap.keptByteCount + liveBefore.count * MemoryLayout<Int>.stride
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
