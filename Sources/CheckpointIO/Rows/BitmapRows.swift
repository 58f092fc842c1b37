internal import CKernels
internal import Tensors

/// The rows of a bitmap: which weights are kept, and how many before.
struct RowsOfBitmap: Sendable {
  let bytes: Bytes
  let columns: Int
  /// Kept weights before each row, and in all.
  let starts: [Int]

  var keptByteCount: Int { starts.count * MemoryLayout<Int>.stride }
  /// Words that the bits of a row take.
  var wordCount: Int { (columns + 63) / 64 }
  var keptCount: Int { starts.last ?? 0 }

  /// Reads all bits. Throws `CheckpointError.invalidPacking`.
  init(_ stored: PackedTensor) throws(CheckpointError) {
    let mask = try Bitmap.mask(stored)
    bytes = try stored.part("bitmap").bytes
    columns = mask.shape.columns
    var starts = [0]
    for count in mask.keptCountPerRow { starts.append((starts.last ?? 0) + count) }
    self.starts = starts
  }

  /// The kept weights of a row, counted over the matrix.
  func kept(of row: Int) -> Range<Int> { starts[row]..<starts[row + 1] }

  /// The bits of a row from the first word's lowest on; 0 behind its end.
  func read(_ row: Int, into words: UnsafeMutablePointer<UInt64>) {
    for index in 0..<wordCount {
      let bit = row * columns + index * 64
      let shift = UInt64(bit % 8)
      var word = bytes.word(at: bit / 8) >> shift
      // Shifts of 64 give 0.
      word |= bytes.word(at: bit / 8 + 8) << (64 - shift)
      let count = min(64, columns - index * 64)
      if count < 64 { word &= 1 << UInt64(count) - 1 }
      unsafe words[index] = word
    }
  }

  /// Spreads codes over the places of a row's set bits; the others become 0.
  func spread(
    _ codes: UnsafePointer<UInt8>, by words: UnsafePointer<UInt64>,
    over row: UnsafeMutablePointer<UInt8>
  ) {
    var next = 0
    for column in 0..<columns {
      let isKept = unsafe words[column / 64] >> UInt64(column % 64) & 1 == 1
      unsafe row[column] = isKept ? codes[next] : 0
      next += isKept ? 1 : 0
    }
  }
}

/// Rows of a bitmap with the kept values (`BitmapEncoding`).
struct BitmapRows: RowReader {
  private let bitmap: RowsOfBitmap
  private let values: PackedTensor.Part
  var keptByteCount: Int { bitmap.keptByteCount }

  /// Throws `CheckpointError.invalidPacking`.
  init(_ stored: PackedTensor) throws(CheckpointError) {
    bitmap = try RowsOfBitmap(stored)
    values = try stored.part("values", of: DType.allCases, count: bitmap.keptCount)
  }

  func read(_ rows: Range<Int>, into target: UnsafeMutablePointer<Float>) {
    let (columns, size) = (bitmap.columns, values.dtype.byteCount)
    unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: bitmap.wordCount) { words in
      unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: columns) { kept in
        guard let words = words.baseAddress, let kept = kept.baseAddress else { return }
        for row in rows {
          let range = bitmap.kept(of: row)
          unsafe bitmap.read(row, into: words)
          unsafe values.bytes[range.lowerBound * size..<range.upperBound * size].withUnsafeBytes {
            unsafe values.dtype.widenRow($0, into: kept, count: range.count)
          }
          unsafe pare_scatter(
            KernelLevel.best, kept, columns, words,
            target + (row - rows.lowerBound) * columns)
        }
      }
    }
  }

  var multiplies: Bool { values.dtype.isReadDirectly && CodeRows.areMultiplied }

  func multiply(
    _ rows: Range<Int>, by input: RowInput, into output: UnsafeMutablePointer<Float>
  ) {
    unsafe values.bytes.withUnsafeBytes { numbers in
      unsafe bitmap.bytes.withUnsafeBytes { bits in
        unsafe bitmap.starts.withUnsafeBufferPointer { starts in
          guard let starts = starts.baseAddress else { return }
          unsafe input.multiply(
            rows.count, of: values.dtype, numbers, bitmap: bits,
            from: rows.lowerBound * bitmap.columns, starts: starts + rows.lowerBound, into: output)
        }
      }
    }
  }

  var origin: any FileBytes { values.bytes }
}
