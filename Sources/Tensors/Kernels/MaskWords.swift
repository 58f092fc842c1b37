import CKernels

/// The packed bits of masks, made in parallel.
enum MaskWords {
  /// Bits of |w| > `threshold` (as bits of f32); `counts` gets, for each chunk,
  /// how many weights equal `ties`. nil when stopped.
  static func compare(
    _ tensor: Tensor, threshold: Int32, ties: Int32, counts: inout [Int], threads: Int,
    shouldStop: @Sendable () -> Bool
  ) -> [UInt64]? {
    let count = tensor.shape.count
    var words = [UInt64](repeating: 0, count: (count + 63) / 64)
    let finished = unsafe words.withUnsafeMutableBufferPointer { words in
      unsafe counts.withUnsafeMutableBufferPointer { counts in
        unsafe tensor.withUnsafeValues { values in
          guard let start = values.baseAddress, let bits = words.baseAddress else { return true }
          let source = unsafe Shared(start)
          let target = unsafe Shared(bits)
          let tied = unsafe Shared(counts)
          return Parallel.forEach(
            count: counts.count, threads: threads, shouldStop: shouldStop
          ) { chunk in
            let range = Parallel.range(chunk, of: count)
            unsafe tied.pointer[chunk] = unsafe pare_mask(
              KernelLevel.best, source.pointer + range.lowerBound, range.count, threshold, ties,
              target.pointer, range.lowerBound)
          }
        }
      }
    }
    return finished ? words : nil
  }

  /// Sets the bits of the weights whose |w| is `bits`, but for the first `going` of each
  /// chunk, which has `ties` of them. False when stopped.
  static func keepTies(
    _ ties: [Int], after going: [Int], of tensor: Tensor, _ bits: Int32, _ words: inout [UInt64],
    threads: Int, shouldStop: @Sendable () -> Bool
  ) -> Bool {
    unsafe words.withUnsafeMutableBufferPointer { words in
      unsafe tensor.withUnsafeValues { values in
        guard let target = words.baseAddress else { return true }
        let (values, words) = unsafe (Shared(values), Shared(target))
        return Parallel.forEach(count: ties.count, threads: threads, shouldStop: shouldStop) {
          chunk in
          guard going[chunk] < ties[chunk], let start = unsafe values.pointer.baseAddress
          else { return }
          let range = Parallel.range(chunk, of: tensor.shape.count)
          if going[chunk] == 0 {
            unsafe pare_mask(
              KernelLevel.best, start + range.lowerBound, range.count, bits - 1, -1,
              words.pointer, range.lowerBound)
            return
          }
          var seen = 0
          for index in range
          where unsafe start[index].magnitude.bitPattern == UInt32(bitPattern: bits) {
            seen += 1
            guard seen > going[chunk] else { continue }
            unsafe words.pointer[index / 64] |= 1 << UInt64(index % 64)
          }
        }
      }
    }
  }

  /// A mask made row by row: `body` gets a row's values, the words and the row's
  /// first bit in them, which are 0. nil when stopped.
  static func rows(
    _ tensor: Tensor, threads: Int, shouldStop: @Sendable () -> Bool,
    _ body: @Sendable (UnsafeBufferPointer<Float>, UnsafeMutablePointer<UInt64>, Int) -> Void
  ) -> Mask? {
    let (rows, columns) = (tensor.shape.rows, tensor.shape.columns)
    var words = [UInt64](repeating: 0, count: (tensor.shape.count + 63) / 64)
    // 64 rows begin and end on a word, whatever the columns.
    let band = 64
    let finished = unsafe words.withUnsafeMutableBufferPointer { words in
      guard let bits = words.baseAddress else { return true }
      let target = unsafe Shared(bits)
      return Parallel.forEach(
        count: Parallel.chunks(rows, of: band), threads: threads, shouldStop: shouldStop
      ) { index in
        unsafe tensor.withUnsafeValues { values in
          for row in Parallel.range(index, of: rows, size: band) {
            let range = row * columns..<(row + 1) * columns
            unsafe body(
              UnsafeBufferPointer(rebasing: values[range]), target.pointer, row * columns)
          }
        }
      }
    }
    return finished ? Mask(shape: tensor.shape, words: words) : nil
  }

  /// Keeps all but the `count` smallest weights of a row.
  static func prune(
    _ count: Int, of row: UnsafeBufferPointer<Float>, _ words: UnsafeMutablePointer<UInt64>,
    _ offset: Int
  ) {
    guard let start = row.baseAddress else { return }
    guard count > 0 else {
      unsafe _ = pare_mask(KernelLevel.best, start, row.count, -1, -1, words, offset)
      return
    }
    var below = 0
    let cut = unsafe pare_select(start, row.count, count - 1, &below)
    let bits = Int32(bitPattern: cut)
    let tied = unsafe pare_mask(KernelLevel.best, start, row.count, bits, bits, words, offset)
    var going = count - below
    guard going < tied else { return }
    for index in row.indices where unsafe row[index].magnitude.bitPattern == cut {
      if going > 0 {
        going -= 1
      } else {
        unsafe words[(offset + index) / 64] |= 1 << UInt64((offset + index) % 64)
      }
    }
  }
}
