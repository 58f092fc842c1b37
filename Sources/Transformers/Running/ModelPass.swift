internal import CKernels
internal import Models
internal import Tensors

/// Runs the steps of a model's blocks over tokens of one or several streams, for prompts,
/// measurements and generation alike. Its threads share out each product by output channels and
/// attention by heads, so the digits do not depend on their number.
@safe
final class ModelPass {
  /// Tokens of one stream, neighbours.
  struct Run {
    /// The first one's row.
    let row: Int
    let count: Int
    let stream: Int
    /// Its position.
    let position: Int
  }

  /// Queries that attention works on at once.
  private static let queryTile = 64
  /// Values of logits that are in memory at once.
  private static let logitBudget = 1 << 24

  let weights: ModelWeights
  let config: ModelConfig
  private let crew: Crew
  private let hands: [Hand]
  /// Tokens there is room for.
  let capacity: Int
  /// Rows of logits there is room for.
  let logitRows: Int
  let memory: KeyValueMemory?
  private let slots: [Slot: AlignedBuffer]
  private let logits: AlignedBuffer
  private let embedding: EmbeddingRows
  /// Cosines and sines of each rotary embedding, by position.
  private let angles: [AlignedBuffer]
  /// Positions that have angles.
  private let length: Int

  /// Room for `capacity` tokens at once, none of them at position `length` or behind. Without
  /// `memory` each run begins at position 0.
  init(
    _ weights: ModelWeights, crew: Crew, capacity: Int, length: Int, memory: KeyValueMemory? = nil
  ) throws {
    self.weights = weights
    self.crew = crew
    self.capacity = capacity
    self.memory = memory
    self.length = length
    let config = weights.model.config
    self.config = config
    let hidden = max(
      config.hidden, config.experts.map { max($0.hidden, $0.shared, $0.count) } ?? 0)
    let width = max(config.width, config.queryWidth)
    try WorkingMemory.require(
      [
        [capacity, 4, config.width], [capacity, 2, width], [capacity, 2, config.keyWidth],
        [capacity, 2, hidden], [Self.queryTile, crew.threads, length],
      ], for: "\(capacity) tokens at once")
    hands = try (0..<crew.threads).map { _ in try Hand() }
    let widths: [Slot: Int] = [
      .residual: config.width, .normed: config.width, .mlpInput: config.width,
      .query: config.queryWidth, .key: config.keyWidth, .value: config.keyWidth,
      .mixed: config.queryWidth, .gate: hidden, .up: hidden, .branch: config.width,
    ]
    slots = widths.mapValues { AlignedBuffer(capacity * $0) }
    logitRows = min(capacity, max(Self.logitBudget / config.vocabulary, 1))
    logits = AlignedBuffer(logitRows * config.vocabulary)
    embedding = try weights.embeddingRows()
    angles = try config.ropes.map { rope in
      try Self.angles(rope, of: weights.model, length: length)
    }
  }

  private static func angles(_ rope: Rope, of model: Model, length: Int) throws -> AlignedBuffer {
    var original: Int?
    if case .longRope(_, _, let count) = rope.scaling { original = count }
    let divisors = try model.ropeDivisors(length: length, original: original)
    let frequencies = rope.frequencies(length: length, divisors: divisors)
    let pairs = frequencies.count
    let table = AlignedBuffer(length * 2 * pairs)
    for position in 0..<length {
      let row = unsafe table.floats + position * 2 * pairs
      for (pair, frequency) in frequencies.enumerated() {
        let angle = Double(position) * Double(frequency)
        unsafe row[pair] = rope.factor * Float(cosine(angle))
        unsafe row[pairs + pair] = rope.factor * Float(sine(angle))
      }
    }
    return table
  }

  func slot(_ slot: Slot) -> UnsafeMutablePointer<Float> {
    unsafe slots[slot].unsafelyUnwrapped.floats
  }

  /// Runs the blocks over tokens, which are those of `runs` one after the other, and keeps the
  /// normed result for `logits(from:count:_:)`. `inputs` gets what goes into each
  /// linear layer.
  /// Throws `NetworkError.stopped` once `shouldStop` says so.
  func run(
    _ tokens: ArraySlice<Int32>, _ runs: [Run], shouldStop: () -> Bool = { false },
    inputs: ModelInputs? = nil
  ) throws {
    precondition(tokens.count <= capacity)
    embed(tokens)
    for block in 0..<config.blocks {
      for step in config.steps(of: block) {
        if shouldStop() { throw NetworkError.stopped }
        try take(step, block, runs, count: tokens.count, inputs)
      }
      for hand in hands { try hand.engine.check() }
    }
    try norm(TensorID(.finalNorm), .residual, into: .normed, count: tokens.count)
  }

  private func embed(_ tokens: ArraySlice<Int32>) {
    let residual = unsafe slot(.residual)
    for (row, token) in tokens.enumerated() {
      unsafe embedding.read(Int(token), width: config.width, into: residual + row * config.width)
    }
    if config.embeddingScale != 1 {
      unsafe pare_scale(tokens.count * config.width, config.embeddingScale, residual)
    }
  }

  private func take(
    _ step: BlockStep, _ block: Int, _ runs: [Run], count: Int,
    _ inputs: ModelInputs?
  ) throws {
    switch step {
    case .norm(let role, let from, let into):
      try norm(TensorID(role, block: block), from, into: into, count: count)
    case .linear(let role, let from, let into):
      let id = TensorID(role, block: block)
      let layer = try weights.linear(id)
      unsafe inputs?.add(id, slot(from), rows: count, columns: layer.columns)
      unsafe layer.multiply(
        count: count, input: slot(from), output: slot(into), crew: crew, hands: hands)
    case .headNorm(let role, let slot):
      try headNorm(TensorID(role, block: block), slot, count: count)
    case .rope(let slot): turn(slot, block, runs)
    case .attend: try attend(block, runs)
    case .activate: activate(count * config.hidden)
    case .experts(let from, let into):
      try route(block, from, into: into, count: count, inputs)
    case .add:
      let (count, scale) = (count * config.width, config.residualScale)
      unsafe pare_add_scaled(count, scale, slot(.branch), slot(.residual))
    }
  }

  private func norm(_ id: TensorID, _ from: Slot, into: Slot, count: Int) throws {
    let weight = try weights.vector(id) ?? []
    let bias = try weights.vector(id.bias)
    unsafe weight.withUnsafeBufferPointer { weight in
      if config.normKind == .rms {
        unsafe pare_rms_norm(
          count, config.width, slot(from), config.width, weight.baseAddress.unsafelyUnwrapped,
          config.normOffset, config.normEpsilon, slot(into))
      } else {
        let bias = bias ?? Array(repeating: 0, count: config.width)
        unsafe bias.withUnsafeBufferPointer { bias in
          unsafe pare_layer_norm(
            count, config.width, slot(from), weight.baseAddress, bias.baseAddress,
            config.normEpsilon, slot(into), nil)
        }
      }
    }
  }

  private func heads(_ slot: Slot) -> Int { slot == .query ? config.heads : config.keyValueHeads }

  private func headNorm(_ id: TensorID, _ place: Slot, count: Int) throws {
    let weight = try weights.vector(id) ?? []
    let values = unsafe slot(place)
    let width = weight.count
    let rows = count * heads(place) * config.headWidth / max(width, 1)
    unsafe weight.withUnsafeBufferPointer { weight in
      unsafe pare_rms_norm(
        rows, width, values, width, weight.baseAddress.unsafelyUnwrapped, config.normOffset,
        config.normEpsilon, values)
    }
  }

  private func turn(_ place: Slot, _ block: Int, _ runs: [Run]) {
    guard let index = config.attention[block].rope else { return }
    let rope = config.ropes[index]
    let (heads, pairs) = (heads(place), rope.width / 2)
    let width = heads * config.headWidth
    let values = unsafe slot(place)
    for run in runs {
      let table = unsafe angles[index].floats + run.position * 2 * pairs
      let rows = unsafe values + run.row * width
      for offset in 0..<run.count {
        unsafe pare_turn(
          heads, config.headWidth, pairs, rope.isInterleaved ? 1 : 0,
          table + offset * 2 * pairs, rows + offset * width)
      }
    }
  }

  func activate(_ count: Int) {
    let function =
      switch config.activation {
      case .silu: PARE_SILU
      case .gelu: PARE_GELU
      case .geluTanh: PARE_GELU_TANH
      case .relu: PARE_RELU
      case .clippedSwiGLU: PARE_CLIPPED_SWIGLU
      }
    unsafe pare_activate(
      count, Int32(function), slot(.gate), config.isGated ? slot(.up) : nil)
  }

  func multiply(
    _ layer: any LinearWeights, _ count: Int, _ input: UnsafePointer<Float>,
    _ output: UnsafeMutablePointer<Float>
  ) {
    unsafe layer.multiply(count: count, input: input, output: output, crew: crew, hands: hands)
  }

  /// Logits of `count` rows from row `first` on, `[count, vocabulary]`; good until the next
  /// call. `count` is at most `logitRows`.
  func logits<R>(
    from first: Int, count: Int, _ body: (UnsafePointer<Float>) throws -> R
  ) throws -> R {
    precondition(count <= logitRows)
    let head = try weights.linear(TensorID(.head))
    unsafe head.multiply(
      count: count, input: slot(.normed) + first * config.width, output: logits.floats,
      crew: crew, hands: hands)
    for hand in hands { try hand.engine.check() }
    let values = count * config.vocabulary
    if config.logitScale != 1 { unsafe pare_scale(values, config.logitScale, logits.floats) }
    if let cap = config.logitCap { unsafe pare_cap(values, cap, logits.floats) }
    return try unsafe body(logits.floats)
  }
}

// Attention.
extension ModelPass {
  /// Some queries of one head.
  private struct Tile {
    let run: Run
    let head: Int
    /// The first query, counted in its run.
    let first: Int
    let count: Int
  }

  private func attend(_ block: Int, _ runs: [Run]) throws {
    let width = config.keyWidth
    if let memory {
      for run in runs {
        precondition(run.position + run.count <= memory.capacity)
        let (from, to, count) = (run.row * width, run.position * width, run.count * width)
        unsafe (memory.keys(block: block, stream: run.stream) + to).update(
          from: slot(.key) + from, count: count)
        unsafe (memory.values(block: block, stream: run.stream) + to).update(
          from: slot(.value) + from, count: count)
      }
    }
    var tiles: [Tile] = []
    for run in runs {
      for first in stride(from: 0, to: run.count, by: Self.queryTile) {
        let count = min(Self.queryTile, run.count - first)
        for head in 0..<config.heads {
          tiles.append(Tile(run: run, head: head, first: first, count: count))
        }
      }
    }
    let sinks = try config.hasSinks ? weights.vector(TensorID(.sinks, block: block)) : nil
    crew.run(tiles.count) { worker, index in
      attend(block, tiles[index], sinks, hands[worker])
    }
  }

  private func attend(_ block: Int, _ tile: Tile, _ sinks: [Float]?, _ hand: Hand) {
    let run = tile.run
    let (size, width) = (config.headWidth, config.keyWidth)
    let shared = tile.head / (config.heads / config.keyValueHeads)
    let seen = run.position + tile.first + tile.count
    let window = config.attention[block].window ?? 0
    // Keys that none of the queries sees are left out.
    let start = window > 0 ? max(run.position + tile.first + 1 - window, 0) : 0
    let columns = seen - start
    let padded = (columns + 15) / 16 * 16
    let scores = unsafe hand.scratch(tile.count * padded)
    let (keys, values) =
      if let memory {
        (
          unsafe UnsafePointer(memory.keys(block: block, stream: run.stream)),
          unsafe UnsafePointer(memory.values(block: block, stream: run.stream))
        )
      } else {
        (
          unsafe UnsafePointer(slot(.key) + run.row * width),
          unsafe UnsafePointer(slot(.value) + run.row * width)
        )
      }
    let place = (run.row + tile.first) * config.queryWidth + tile.head * size
    let offset = start * width + shared * size
    unsafe hand.engine.multiply(
      ProductSize(m: tile.count, n: columns, k: size),
      Operand(slot(.query) + place, stride: config.queryWidth),
      Operand(keys + offset, stride: width, isTransposed: true),
      into: Operand(scores, stride: padded), ProductForm(isHalf: false))
    let first = run.position + tile.first - start
    var sink = sinks?[tile.head] ?? 0
    unsafe withUnsafePointer(to: &sink) { sink in
      unsafe pare_window_softmax(
        tile.count, columns, padded, first, window, config.attentionScale,
        config.attentionCap ?? 0, sinks == nil ? nil : sink, scores)
    }
    unsafe hand.engine.multiply(
      ProductSize(m: tile.count, n: size, k: columns), Operand(scores, stride: padded),
      Operand(values + offset, stride: width),
      into: Operand(slot(.mixed) + place, stride: config.queryWidth), ProductForm(isHalf: false))
  }
}
