internal import CKernels
internal import Tensors

/// Rows of packed codes on a grid: of all weights (`PackedEncoding`), or of those that a
/// bitmap keeps (`BitmapPackedEncoding`). Scales and zero points are read with their row.
struct GridRows: RowReader {
  private let codes: Bytes
  private let layout: GridLayout
  private let scales: PackedTensor.Part
  private let zeros: PackedTensor.Part?
  private let columns: Int
  /// 0 where one group has all weights.
  private let groupsPerRow: Int
  /// nil where all weights have codes.
  private let bitmap: RowsOfBitmap?
  /// nil where rows are to be read.
  private let groups: CodeGroups?
  var keptByteCount: Int { bitmap?.keptByteCount ?? 0 }

  /// Throws `CheckpointError.invalidPacking`.
  init(_ stored: PackedTensor, bitmap: RowsOfBitmap? = nil) throws(CheckpointError) {
    let shape = stored.record.shape
    (layout, scales, zeros) = try stored.gridParts()
    self.bitmap = bitmap
    let count = BitPacking.byteCount(bitmap?.keptCount ?? shape.count, bits: layout.bits)
    codes = try stored.part("codes", of: [.u8], count: count).bytes
    columns = shape.columns
    groupsPerRow = layout.isPerTensor(shape) ? 0 : layout.groups(in: shape) / max(shape.rows, 1)
    // A row's only group may have any number of columns.
    groups = CodeGroups(
      columns: groupsPerRow > 1 ? layout.groupSize : (columns + 3) / 4 * 4, bits: layout.bits)
  }

  func read(_ rows: Range<Int>, into values: UnsafeMutablePointer<Float>) {
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 2 * columns + 8) { codes in
      unsafe withUnsafeTemporaryAllocation(
        of: Float.self, capacity: 2 * max(groupsPerRow, 1)
      ) { groups in
        unsafe withUnsafeTemporaryAllocation(
          of: UInt64.self, capacity: bitmap?.wordCount ?? 0
        ) { words in
          guard let codes = codes.baseAddress, let groups = groups.baseAddress else { return }
          for row in rows {
            let target = unsafe values + (row - rows.lowerBound) * columns
            guard let bitmap, let words = words.baseAddress else {
              let first = unsafe self.codes.unpack(
                row * columns..<(row + 1) * columns, bits: layout.bits, into: codes)
              unsafe makeValues(row, codes + first, groups, into: target)
              continue
            }
            let first = unsafe self.codes.unpack(
              bitmap.kept(of: row), bits: layout.bits, into: codes)
            unsafe bitmap.read(row, into: words)
            let spread = unsafe codes + columns + 8
            unsafe bitmap.spread(codes + first, by: words, over: spread)
            unsafe makeValues(row, spread, groups, into: target)
            unsafe pare_apply_mask(KernelLevel.best, target, columns, words, 0, target, 0)
          }
        }
      }
    }
  }

  var multiplies: Bool { groups != nil }

  func multiply(
    _ rows: Range<Int>, by input: RowInput, into output: UnsafeMutablePointer<Float>
  ) {
    guard let groups else { return }
    let count = max(groupsPerRow, 1)
    unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * count) { room in
      unsafe codes.withUnsafeBytes { codes in
        guard let scales = room.baseAddress else { return }
        let shifts = unsafe scales + count
        for row in rows {
          unsafe readGroups(of: row, scales, shifts)
          let first = bitmap?.kept(of: row).lowerBound ?? row * columns
          func product(_ bits: UnsafeRawBufferPointer?) -> Float {
            unsafe groups.multiply(
              codes, from: first, scales: scales, shifts: shifts, bitmap: bits,
              from: row * columns, by: input)
          }
          unsafe output[row - rows.lowerBound] =
            unsafe bitmap?.bytes.withUnsafeBytes { unsafe product($0) } ?? product(nil)
        }
      }
    }
  }

  /// weight = scale · (code + shift)
  private func readGroups(
    of row: Int, _ scaleRoom: UnsafeMutablePointer<Float>, _ shifts: UnsafeMutablePointer<Float>
  ) {
    let count = max(groupsPerRow, 1)
    unsafe scales.read(row * groupsPerRow, count, into: scaleRoom)
    unsafe zeros?.read(row * groupsPerRow, count, into: shifts)
    for group in 0..<count {
      let codec = unsafe pare_codec(
        layout, scale: scaleRoom[group], zero: zeros == nil ? 0 : shifts[group])
      // Of a binary grid code 0 is −scale, and 1 is scale.
      unsafe scaleRoom[group] = codec.binary == 0 ? codec.scale : 2 * codec.scale
      unsafe shifts[group] = codec.binary == 0 ? codec.shift : -0.5
    }
  }

  private func makeValues(
    _ row: Int, _ codes: UnsafePointer<UInt8>, _ groups: UnsafeMutablePointer<Float>,
    into target: UnsafeMutablePointer<Float>
  ) {
    let count = max(groupsPerRow, 1)
    unsafe scales.read(row * groupsPerRow, count, into: groups)
    unsafe zeros?.read(row * groupsPerRow, count, into: groups + count)
    let size = groupsPerRow == 0 ? columns : layout.groupSize
    for group in 0..<count {
      let first = group * size
      let zero: Float = unsafe zeros == nil ? 0 : groups[count + group]
      unsafe pare_grid_values(
        KernelLevel.best, pare_codec(layout, scale: groups[group], zero: zero), codes + first,
        min(size, columns - first), target + first)
    }
  }

  var origin: any FileBytes { codes }
}

extension Bytes {
  /// Unpacks codes of `BitPacking` into room for seven more, and tells where the first of them
  /// is: only every eighth begins at a whole byte.
  func unpack(
    _ range: Range<Int>, bits: Int, into codes: UnsafeMutablePointer<UInt8>
  ) -> Int {
    let first = range.lowerBound / 8 * 8
    let end = BitPacking.byteCount(range.upperBound, bits: bits)
    unsafe self[first / 8 * bits..<end].withUnsafeBytes {
      guard let start = $0.baseAddress else { return }
      unsafe pare_unpack_codes(
        KernelLevel.best, start.assumingMemoryBound(to: UInt8.self), range.upperBound - first,
        Int32(bits), codes)
    }
    return range.lowerBound - first
  }
}

extension PackedTensor.Part {
  /// Some of its numbers as f32.
  fileprivate func read(_ first: Int, _ count: Int, into values: UnsafeMutablePointer<Float>) {
    let size = dtype.byteCount
    unsafe bytes[first * size..<(first + count) * size].withUnsafeBytes {
      unsafe dtype.widenRow($0, into: values, count: count)
    }
  }
}
