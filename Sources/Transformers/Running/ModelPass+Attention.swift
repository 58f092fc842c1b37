package import Backend
package import Models

// Causal attention: some queries at a time, and keys behind the last of them left out.
extension ModelPass {
  /// Queries that attention works on at once where a tape keeps what it does.
  package static let queryTile = 64

  /// Some queries of neighbouring heads.
  private struct Tile {
    let run: Run
    /// The run's number.
    let index: Int
    let heads: BlockShape.Run
    /// The first query, counted in its run.
    let first: Int
    let count: Int
  }

  func attend(_ step: PlannedStep, _ runs: [Run]) throws {
    let shape = shapes[step.block]
    if let tape {
      let tiles = tiles(runs, shape.runs, of: Self.queryTile)
      return crew.run(tiles.count) { worker, index in
        attend(step, tiles[index], tape, hands[worker])
      }
    }
    if let memory { keep(step, shape, runs, memory) }
    guard config.hasSinks else { return attend(step, runs, sinks: nil) }
    try unsafe weights.withVector(TensorID(.sinks, block: step.block)) {
      unsafe attend(step, runs, sinks: $0.map { unsafe Array($0) })
    }
  }

  private func tiles(_ runs: [Run], _ heads: [BlockShape.Run], of size: Int) -> [Tile] {
    runs.enumerated().flatMap { index, run in
      stride(from: 0, to: run.count, by: size).flatMap { first in
        heads.map {
          Tile(
            run: run, index: index, heads: $0, first: first, count: min(size, run.count - first))
        }
      }
    }
  }

  private func attend(_ step: PlannedStep, _ runs: [Run], sinks: [Float]?) {
    let places = shapes[step.block].places
    guard runs.contains(where: { $0.count > 1 }) else {
      return crew.run(runs.count * places.count) { worker, index in
        let (run, place) = (index / places.count, places[index % places.count])
        let tile = Tile(run: runs[run], index: run, heads: place, first: 0, count: 1)
        attend(step, tile, sinks, hands[worker])
      }
    }
    packHeads(step, runs)
    let tiles = tiles(runs, places, of: AttentionPanels.tile)
    crew.run(tiles.count) { worker, index in
      attend(step, tiles[index], sinks, hands[worker])
    }
  }

  /// Puts the keys and values of runs of several tokens in panels.
  private func packHeads(_ step: PlannedStep, _ runs: [Run]) {
    let shape = shapes[step.block]
    // The first of the heads of queries that share keys and values.
    let heads = shape.places.filter { place in
      place.heads.lowerBound == 0
        || shape.places[place.heads.lowerBound - 1].firstKeyHead != place.firstKeyHead
    }
    let shared = runs.enumerated().filter { $0.1.count > 1 }
    if let last = shared.last {
      while panelsOfHeads.count < (last.0 + 1) * shape.heads.count {
        panelsOfHeads.append(AttentionPanels(precision.numbers))
      }
    }
    crew.run(shared.count * heads.count) { worker, index in
      let (number, run) = shared[index / heads.count]
      pack(
        step, shape, run, heads[index % heads.count], into: number * shape.heads.count,
        hands[worker])
    }
  }

  /// Keys and values stand side by side in a row of the block, as in a row of the memory.
  private func keep(
    _ step: PlannedStep, _ shape: BlockShape, _ runs: [Run], _ memory: KeyValueMemory
  ) {
    let keys = step.from.columns(from: shape.queryWidth)
    for run in runs {
      precondition(run.position + run.count <= memory.capacity)
      let rows = memory.rows(block: step.block, stream: run.stream)
      for row in 0..<run.count {
        unsafe Processor.copy(
          rows.stride, keys.floats(run.row + row), into: rows.place(run.position + row),
          isHalf: rows.isHalf)
      }
    }
  }

  /// Puts the keys and values of a head in panels.
  private func pack(
    _ step: PlannedStep, _ shape: BlockShape, _ run: Run, _ place: BlockShape.Run,
    into first: Int, _ hand: Hand
  ) {
    let rows = earlier(step, shape, run)
    panelsOfHeads[first + place.firstKeyHead].pack(
      run.position + run.count, keyWidth: place.head.keys, rows.columns(from: place.firstKey),
      valueWidth: place.head.values,
      rows.columns(from: shape.keyWidth + place.firstValue), with: hand)
  }

  private func attend(_ step: PlannedStep, _ tile: Tile, _ sinks: [Float]?, _ hand: Hand) {
    let (run, place, shape) = (tile.run, tile.heads, shapes[step.block])
    let rule = AttentionRule(
      scale: config.attentionScale, cap: config.attentionCap,
      window: config.attention[step.block].window ?? 0, sink: sinks?[place.heads.lowerBound])
    let row = run.row + tile.first
    let first = run.position + tile.first
    let queries = unsafe step.from.floats(row) + place.firstQuery
    let mixed = unsafe step.into.floats(row) + place.firstMixed
    guard run.count == 1 else {
      return unsafe panelsOfHeads[tile.index * shape.heads.count + place.firstKeyHead].attend(
        first..<first + tile.count, queries, queryStride: step.from.stride, rule, into: mixed,
        stride: step.into.stride, with: hand)
    }
    // Keys that it does not see are left out.
    let start = rule.window > 0 ? max(first + 1 - rule.window, 0) : 0
    let rows = earlier(step, shape, run).rows(from: start)
    let count = first + 1 - start
    unsafe Processor.attend(
      count, keyWidth: place.head.keys, valueWidth: place.head.values, query: queries,
      keys: rows.columns(from: place.firstKey),
      values: rows.columns(from: shape.keyWidth + place.firstValue), rule,
      scores: hand.scratch(count), into: mixed)
  }

  /// Keys of a run's stream from position 0 on, and values `keyWidth` columns behind them.
  private func earlier(_ step: PlannedStep, _ shape: BlockShape, _ run: Run) -> Values {
    memory?.rows(block: step.block, stream: run.stream)
      ?? step.from.columns(from: shape.queryWidth).rows(from: run.row)
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
