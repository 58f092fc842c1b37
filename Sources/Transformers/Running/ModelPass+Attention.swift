internal import CKernels
internal import Models

// Causal attention: some queries at a time, and keys behind the last of them left out.
extension ModelPass {
  /// Queries that attention works on at once.
  static let queryTile = 64

  /// Some queries of neighbouring heads.
  private struct Tile {
    let run: Run
    let heads: BlockShape.Run
    /// The first query, counted in its run.
    let first: Int
    let count: Int
  }

  func attend(_ block: Int, _ runs: [Run]) throws {
    let shape = shapes[block]
    if let memory { keep(block, shape, runs, memory) }
    // Where each thread has texts of its own, one call does several heads.
    let heads = weights.isPacked ? shape.runs : shape.places
    var tiles: [Tile] = []
    for run in runs {
      for first in stride(from: 0, to: run.count, by: Self.queryTile) {
        let count = min(Self.queryTile, run.count - first)
        for heads in run.count == 1 ? shape.places : heads {
          tiles.append(Tile(run: run, heads: heads, first: first, count: count))
        }
      }
    }
    let sinks = try config.hasSinks ? weights.vector(TensorID(.sinks, block: block)) : nil
    crew.run(tiles.count) { worker, index in
      attend(block, tiles[index], sinks, hands[worker])
    }
  }

  /// Keys and values stand side by side in a row of the block, as in a row of the memory.
  private func keep(
    _ block: Int, _ shape: BlockShape, _ runs: [Run], _ memory: KeyValueMemory
  ) {
    let width = memory.stride(block: block)
    let keys = unsafe slot(.key, block: block)
    for run in runs {
      precondition(run.position + run.count <= memory.capacity)
      let target = unsafe memory.rows(block: block, stream: run.stream) + run.position * width
      for row in 0..<run.count {
        unsafe (target + row * width).update(
          from: keys + (run.row + row) * shape.qkvWidth, count: width)
      }
    }
  }

  private func attend(_ block: Int, _ tile: Tile, _ sinks: [Float]?, _ hand: Hand) {
    let (run, heads, shape) = (tile.run, tile.heads, shapes[block])
    let head = heads.head
    let (stride, keys) = unsafe earlier(block, run)
    let seen = run.position + tile.first + tile.count
    let window = config.attention[block].window ?? 0
    // Keys that none of the queries sees are left out.
    let start = window > 0 ? max(run.position + tile.first + 1 - window, 0) : 0
    let columns = seen - start
    let row = run.row + tile.first
    let queries = unsafe slot(.query) + row * shape.qkvWidth + heads.firstQuery
    let ownKeys = unsafe keys + start * stride + heads.firstKey
    let values = unsafe keys + start * stride + shape.keyWidth + heads.firstValue
    let mixed = unsafe slot(.mixed) + row * shape.mixedWidth + heads.firstMixed
    let isPlain = window == 0 && config.attentionCap == nil && sinks == nil
    if isPlain, tile.count == 1 {
      return unsafe pare_attend(
        columns, head.keys, head.values, stride, queries, ownKeys, values,
        config.attentionScale, hand.scratch(columns), mixed)
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
        unsafe pare_causal_softmax(
          tile.count, columns, padded, first + 1, config.attentionScale, scores)
        continue
      }
      var sink = sinks?[heads.heads.lowerBound + index] ?? 0
      unsafe withUnsafePointer(to: &sink) { sink in
        unsafe pare_window_softmax(
          tile.count, columns, padded, first, window, config.attentionScale,
          config.attentionCap ?? 0, sinks == nil ? nil : sink, scores)
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
  private func earlier(_ block: Int, _ run: Run) -> (Int, UnsafePointer<Float>) {
    if let memory {
      return unsafe (
        memory.stride(block: block),
        UnsafePointer(memory.rows(block: block, stream: run.stream))
      )
    }
    let stride = shapes[block].qkvWidth
    return unsafe (stride, UnsafePointer(slot(.key, block: block) + run.row * stride))
  }
}
