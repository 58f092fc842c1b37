package import Backend
package import Models

// Causal attention: some queries at a time, and keys behind the last of them left out.
extension ModelPass {
  /// Queries that attention works on at once.
  package static let queryTile = 64

  /// Some queries of neighbouring heads.
  private struct Tile {
    let run: Run
    let heads: BlockShape.Run
    /// The first query, counted in its run.
    let first: Int
    let count: Int
  }

  func attend(_ step: PlannedStep, _ runs: [Run]) throws {
    let shape = shapes[step.block]
    if let memory { keep(step, shape, runs, memory) }
    // Where each thread has texts of its own, one call does several heads.
    let heads = weights.isPacked ? shape.runs : shape.places
    var tiles: [Tile] = []
    for run in runs {
      for first in stride(from: 0, to: run.count, by: Self.queryTile) {
        let count = min(Self.queryTile, run.count - first)
        for heads in run.count == 1 && tape == nil ? shape.places : heads {
          tiles.append(Tile(run: run, heads: heads, first: first, count: count))
        }
      }
    }
    if let tape {
      return crew.run(tiles.count) { worker, index in
        attend(step, tiles[index], tape, hands[worker])
      }
    }
    func attendAll(_ sinks: UnsafeBufferPointer<Float>?) {
      crew.run(tiles.count) { worker, index in
        unsafe attend(step, tiles[index], sinks, hands[worker])
      }
    }
    guard config.hasSinks else { return attendAll(nil) }
    try unsafe weights.withVector(TensorID(.sinks, block: step.block)) { unsafe attendAll($0) }
  }

  /// Keys and values stand side by side in a row of the block, as in a row of the memory.
  private func keep(
    _ step: PlannedStep, _ shape: BlockShape, _ runs: [Run], _ memory: KeyValueMemory
  ) {
    let width = memory.stride(block: step.block)
    let keys = step.from.columns(from: shape.queryWidth)
    for run in runs {
      precondition(run.position + run.count <= memory.capacity)
      let target =
        unsafe memory.rows(block: step.block, stream: run.stream) + run.position * width
      for row in 0..<run.count {
        unsafe (target + row * width).update(from: keys.floats(run.row + row), count: width)
      }
    }
  }

  private func attend(
    _ step: PlannedStep, _ tile: Tile, _ sinks: UnsafeBufferPointer<Float>?, _ hand: Hand
  ) {
    let (run, heads, shape) = (tile.run, tile.heads, shapes[step.block])
    let head = heads.head
    let (stride, keys) = unsafe earlier(step, shape, run)
    let seen = run.position + tile.first + tile.count
    let window = config.attention[step.block].window ?? 0
    // Keys that none of the queries sees are left out.
    let start = window > 0 ? max(run.position + tile.first + 1 - window, 0) : 0
    let columns = seen - start
    let row = run.row + tile.first
    let queries = unsafe step.from.floats(row) + heads.firstQuery
    let ownKeys = unsafe keys + start * stride + heads.firstKey
    let values = unsafe keys + start * stride + shape.keyWidth + heads.firstValue
    let mixed = unsafe step.into.floats(row) + heads.firstMixed
    let isPlain = unsafe window == 0 && config.attentionCap == nil && sinks == nil
    if isPlain, tile.count == 1 {
      return unsafe Processor.attend(
        columns, keyWidth: head.keys, valueWidth: head.values, stride: stride, query: queries,
        keys: ownKeys, values: values, scale: config.attentionScale,
        scores: hand.scratch(columns), into: mixed)
    }
    let count = heads.heads.count
    let padded = (columns + 15) / 16 * 16
    let size = tile.count * padded
    let scores = unsafe hand.scratch(count * size)
    // Without keys all scores are 0.
    if head.keys == 0 { unsafe scores.update(repeating: 0, count: count * size) }
    unsafe hand.engine.multiply(
      ProductSize(count: count, m: tile.count, n: columns, k: head.keys),
      Operand(queries, stride: shape.qkvWidth, step: head.keys),
      Operand(ownKeys, stride: stride, step: head.keys, isTransposed: true),
      into: Operand(scores, stride: padded, step: size), ProductForm(isHalf: false))
    let first = run.position + tile.first - start
    for index in 0..<count {
      let scores = unsafe scores + index * size
      if isPlain {
        unsafe Processor.causalSoftmax(
          tile.count, columns, stride: padded, seen: first + 1, scale: config.attentionScale,
          scores)
      } else {
        unsafe Processor.windowSoftmax(
          tile.count, columns, stride: padded, first: first, window: window,
          scale: config.attentionScale, cap: config.attentionCap,
          sink: sinks?[heads.heads.lowerBound + index], scores)
      }
    }
    unsafe hand.engine.multiply(
      ProductSize(count: count, m: tile.count, n: head.values, k: columns),
      Operand(scores, stride: padded, step: size),
      Operand(values, stride: stride, step: head.values),
      into: Operand(mixed, stride: shape.mixedWidth, step: head.values),
      ProductForm(isHalf: false))
  }

  /// Keys of a run's stream from position 0 on, values `keyWidth` behind them, and how far
  /// apart positions are.
  private func earlier(
    _ step: PlannedStep, _ shape: BlockShape, _ run: Run
  ) -> (Int, UnsafePointer<Float>) {
    if let memory {
      return unsafe (
        memory.stride(block: step.block),
        UnsafePointer(memory.rows(block: step.block, stream: run.stream))
      )
    }
    let keys = step.from.columns(from: shape.queryWidth)
    return unsafe (keys.stride, UnsafePointer(keys.floats(run.row)))
  }

  /// The same for whole sequences, keeping the probabilities. Sinks are not among what a tape
  /// knows.
  private func attend(_ step: PlannedStep, _ tile: Tile, _ tape: Tape, _ hand: Hand) {
    let at = HeadPlaces(step, tile.heads, shapes[step.block], firstRow: tile.run.row, tape)
    let (heads, head, padded) = (tile.heads.heads, tile.heads.head, tape.padded)
    let (start, rows) = (tile.first, tile.count)
    let seen = start + rows
    let sequence = tile.run.row / tape.length
    let rule = tape.dropout.rule(.attention, block: step.block, part: sequence)
    let kept = at.kept
    let isHalf = kept.isHalf
    let size = heads.count * rows * padded
    let scores = unsafe hand.scratch(2 * size)
    let dropped = unsafe UnsafeMutableRawPointer(scores + size)
    // Without keys all scores are 0.
    if head.keys == 0 { unsafe scores.update(repeating: 0, count: size) }
    unsafe hand.engine.multiply(
      ProductSize(count: heads.count, m: rows, n: seen, k: head.keys),
      at.queries(from: start), at.keys(isTransposed: true),
      into: Operand(scores, stride: padded, step: rows * padded), ProductForm(isHalf: isHalf))
    let window = config.attention[step.block].window ?? 0
    let bytes = isHalf ? 2 : 4
    for index in 0..<heads.count {
      let row = tape.row(sequence, heads.lowerBound + index, of: shapes[step.block]) + start
      let number = ((heads.lowerBound + index) * tape.length + start) * padded
      let own = unsafe scores + index * rows * padded
      let out = unsafe rule.isDropping ? dropped + index * rows * padded * bytes : nil
      if window == 0, config.attentionCap == nil {
        unsafe Processor.keepSoftmax(
          rows, seen, seen: start + 1, scale: config.attentionScale, rule, first: number,
          step: padded, own, kept: kept.place(row), out: out, stride: padded, isHalf: isHalf)
        continue
      }
      unsafe Processor.windowSoftmax(
        rows, seen, stride: padded, first: start, window: window, scale: config.attentionScale,
        cap: config.attentionCap, sink: nil, own)
      unsafe Processor.keep(
        rows, seen, rule, first: number, step: padded, own, kept: kept.place(row), out: out,
        stride: padded, isHalf: isHalf)
    }
    let probabilities =
      unsafe rule.isDropping
      ? Operand(dropped, stride: padded, step: rows * padded) : at.probabilities(from: start)
    hand.engine.multiply(
      ProductSize(count: heads.count, m: rows, n: head.values, k: seen), probabilities,
      at.values(isTransposed: false), into: at.mixed(step.into, from: start),
      ProductForm(isHalf: isHalf, isOutputHalf: isHalf))
  }
}

/// Where the matrices of one sequence's attention are, for neighbouring heads of one width.
package struct HeadPlaces {
  package let heads: BlockShape.Run
  /// Probabilities of the block.
  package let kept: Values
  private let tape: Tape
  private let shape: BlockShape
  /// Queries, keys and values of all heads, side by side.
  private let row: Values
  private let firstRow: Int
  /// Their first row.
  package let firstKept: Int

  package init(
    _ step: PlannedStep, _ heads: BlockShape.Run, _ shape: BlockShape, firstRow: Int, _ tape: Tape
  ) {
    (self.heads, self.shape, self.tape) = (heads, shape, tape)
    (row, kept) = (step.from, tape.probabilities[step.block])
    self.firstRow = firstRow
    firstKept = tape.row(firstRow / tape.length, heads.heads.lowerBound, of: shape)
  }

  private var keyStart: Int { shape.queryWidth + heads.firstKey }
  private var valueStart: Int { shape.valueStart + heads.firstValue }
  /// Values from one head's probabilities to the next one's.
  private var step: Int { tape.length * tape.padded }

  package func queries(from first: Int) -> Operand { queryGradient(row, from: first) }

  package func keys(isTransposed: Bool) -> Operand {
    row.operand(
      from: firstRow, column: keyStart, step: heads.head.keys, isTransposed: isTransposed)
  }

  package func values(isTransposed: Bool) -> Operand {
    row.operand(
      from: firstRow, column: valueStart, step: heads.head.values, isTransposed: isTransposed)
  }

  package func probabilities(
    from first: Int, column: Int = 0, isTransposed: Bool = false
  ) -> Operand {
    kept.operand(from: firstKept + first, column: column, step: step, isTransposed: isTransposed)
  }

  /// Attention's results, or their gradient.
  package func mixed(_ values: Values, from first: Int) -> Operand {
    values.operand(from: firstRow + first, column: heads.firstMixed, step: heads.head.values)
  }

  package func queryGradient(_ values: Values, from first: Int) -> Operand {
    values.operand(from: firstRow + first, column: heads.firstQuery, step: heads.head.keys)
  }

  package func keyGradient(_ values: Values, from first: Int) -> Operand {
    values.operand(from: firstRow + first, column: keyStart, step: heads.head.keys)
  }

  package func valueGradient(_ values: Values, from first: Int) -> Operand {
    values.operand(from: firstRow + first, column: valueStart, step: heads.head.values)
  }
}
