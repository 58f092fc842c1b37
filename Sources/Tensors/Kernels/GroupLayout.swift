import CKernels

/// How a tensor's weights are cut into groups that share a scale (see
/// `QuantizationGrid`), and work over all groups.
struct GroupLayout: Sendable {
  let total: Int
  let columns: Int
  let groupSize: Int
  let perRow: Int
  let count: Int

  /// Groups of a row's `groupSize` consecutive weights, the last of a row perhaps
  /// shorter; `perTensor`: all weights are one group.
  init(_ shape: Shape, groupSize: Int, perTensor: Bool) {
    precondition(groupSize > 0)
    total = shape.count
    columns = perTensor ? shape.count : shape.columns
    self.groupSize = min(groupSize, max(columns, 1))
    perRow = columns == 0 ? 0 : (columns + self.groupSize - 1) / self.groupSize
    count = perTensor ? min(perRow, 1) : perRow * shape.rows
  }

  /// The weights of a group.
  func range(_ group: Int) -> Range<Int> {
    let (row, place) = (group / perRow, group % perRow)
    let start = row * columns + place * groupSize
    return start..<min(start + groupSize, (row + 1) * columns)
  }

  /// Calls `body` with each group and the threads it may use itself: all of
  /// them where groups are long, one where many groups run side by side, about
  /// `stretch` weights between two questions whether to stop.
  func forEach(
    stretch: Int = Parallel.chunk, threads: Int, shouldStop: @Sendable () -> Bool,
    _ body: @Sendable (Int, Int) -> Void
  ) -> Bool {
    if groupSize > Parallel.chunk {
      for group in 0..<count {
        body(group, threads)
        if shouldStop() { return false }
      }
      return true
    }
    let batch = max(1, stretch / groupSize)
    return Parallel.forEach(
      count: Parallel.chunks(count, of: batch), threads: threads, shouldStop: shouldStop
    ) { index in
      for group in Parallel.range(index, of: count, size: batch) { body(group, 1) }
    }
  }

  /// What each group is like. nil when stopped.
  func figures(
    of tensor: Tensor, threads: Int, shouldStop: @Sendable () -> Bool
  ) -> [pare_group]? {
    var groups = [pare_group](repeating: pare_group(), count: count)
    let finished = unsafe groups.withUnsafeMutableBufferPointer { buffer in
      let groups = unsafe Shared(buffer)
      return forEach(threads: threads, shouldStop: shouldStop) { group, threads in
        unsafe groups.pointer[group] = Self.figures(
          of: tensor, range(group), threads: threads, shouldStop: shouldStop)
      }
    }
    return finished ? groups : nil
  }

  /// What the weights in a range are like.
  static func figures(
    of tensor: Tensor, _ range: Range<Int>, threads: Int, shouldStop: @Sendable () -> Bool
  ) -> pare_group {
    let parts = pieces(of: range, pare_group(), threads: threads, shouldStop: shouldStop) { piece in
      var part = pare_group()
      unsafe tensor.withUnsafeValues { values in
        guard let start = values.baseAddress else { return }
        unsafe pare_measure_group(
          KernelLevel.best, start + piece.lowerBound, piece.count, &part)
      }
      return part
    }
    var whole = parts[0]
    for part in parts.dropFirst() {
      whole.minimum = min(whole.minimum, part.minimum)
      whole.maximum = max(whole.maximum, part.maximum)
      whole.sum_magnitude += part.sum_magnitude
      whole.sum_squares += part.sum_squares
      whole.finite += part.finite
      whole.zero += part.zero
    }
    return whole
  }

  /// What `body` gives for each chunk of a range, in order; at least one. Chunks
  /// left out because of a stop give `empty`.
  static func pieces<Part: Sendable>(
    of range: Range<Int>, _ empty: Part, threads: Int, shouldStop: @Sendable () -> Bool,
    _ body: @Sendable (Range<Int>) -> Part
  ) -> [Part] {
    let count = max(1, Parallel.chunks(range.count))
    guard count > 1 else { return [body(range)] }
    var parts = [Part](repeating: empty, count: count)
    unsafe parts.withUnsafeMutableBufferPointer { buffer in
      let parts = unsafe Shared(buffer)
      Parallel.forEach(count: count, threads: threads, shouldStop: shouldStop) { index in
        let piece = Parallel.range(index, of: range.count)
        unsafe parts.pointer[index] = body(
          range.lowerBound + piece.lowerBound..<range.lowerBound + piece.upperBound)
      }
    }
    return parts
  }
}
