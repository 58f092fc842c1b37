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

  /// Values of logits that are in memory at once: few where a thread has its own, many where
  /// the head is read anew for each piece.
  private static let logitBudget = 1 << 22
  private static let largeLogitBudget = 1 << 24

  let weights: ModelWeights
  let config: ModelConfig
  let crew: Crew
  let hands: [Hand]
  let precision: Precision
  /// Whether norms write what products read as bf16.
  private let isHalf: Bool
  /// Tokens there is room for.
  let capacity: Int
  /// Rows of logits there is room for.
  let logitRows: Int
  let memory: KeyValueMemory?
  let shapes: [BlockShape]
  private let operations: [[Operation]]
  /// Queries, keys and values of a block, `[capacity, qkvWidth]`.
  private let qkv: AlignedBuffer
  private let slots: [Slot: AlignedBuffer]
  /// Slots that are bf16 now.
  private var halves: Set<Slot> = []
  /// Inputs of a product as bf16.
  private let rounded: AlignedBuffer
  private let logits: AlignedBuffer
  private let embedding: EmbeddingRows
  private let positions: EmbeddingRows?
  /// Cosines and sines of each rotary embedding, by position.
  private let angles: [AlignedBuffer]

  /// Room for `capacity` tokens at once, none of them at position `length` or behind. Without
  /// `memory` each run begins at position 0.
  init(
    _ weights: ModelWeights, _ precision: Precision = .f32, crew: Crew, capacity: Int,
    length: Int, memory: KeyValueMemory? = nil
  ) throws {
    self.weights = weights
    self.precision = precision
    self.crew = crew
    self.capacity = capacity
    self.memory = memory
    let config = weights.model.config
    self.config = config
    isHalf = weights.isPacked && precision == .bf16 && Precision.hasFastBF16
    let shapes = (0..<config.blocks).map { config.shape(of: $0) }
    self.shapes = shapes
    operations = (0..<config.blocks).map {
      Operation.list(config, $0, isJoined: weights.model.joined($0) != nil)
    }
    func widest(_ width: (BlockShape) -> Int) -> Int { shapes.reduce(0) { max($0, width($1)) } }
    let hidden = max(
      widest(\.hidden), config.experts.map { max($0.hidden, $0.shared, $0.count) } ?? 0)
    let (mixed, qkvWidth) = (widest(\.mixedWidth), widest(\.qkvWidth))
    let broadest = max(config.width, hidden, mixed)
    try WorkingMemory.require(
      [
        [capacity, 4, config.width], [capacity, qkvWidth + mixed], [capacity, 2, hidden],
        [capacity, isHalf ? broadest : 0], [Self.queryTile, crew.threads, length],
      ], for: "\(capacity) tokens at once")
    hands = try (0..<crew.threads).map { _ in try Hand() }
    qkv = AlignedBuffer(capacity * qkvWidth)
    let widths: [Slot: Int] = [
      .residual: config.width, .normed: config.width, .mlpInput: config.width, .mixed: mixed,
      .gate: hidden, .up: hidden, .branch: config.width,
    ]
    slots = widths.mapValues { AlignedBuffer(capacity * $0) }
    rounded = AlignedBuffer(isHalf ? (capacity * broadest + 1) / 2 : 0)
    let budget = weights.isPacked ? Self.logitBudget : Self.largeLogitBudget
    logitRows = min(capacity, max(budget / config.vocabulary, 1))
    logits = AlignedBuffer(logitRows * config.vocabulary)
    embedding = try weights.embedding(.tokenEmbedding)
    positions = config.hasPositions ? try weights.embedding(.positionEmbedding) : nil
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

  /// Where a slot's values are; those of queries, keys and values in rows of `qkvWidth`.
  func slot(_ slot: Slot, block: Int = 0) -> UnsafeMutablePointer<Float> {
    switch slot {
    case .query: unsafe qkv.floats
    case .key: unsafe qkv.floats + shapes[block].queryWidth
    case .value: unsafe qkv.floats + shapes[block].valueStart
    default: unsafe slots[slot].unsafelyUnwrapped.floats
    }
  }

  /// Runs the blocks over tokens, which are those of `runs` one after the other, and keeps the
  /// normed result for `logits(from:count:_:)`. In f32, `observer` gets what goes into each
  /// linear layer, and always what experts take.
  /// Throws `NetworkError.stopped` once `shouldStop` says so.
  func run(
    _ tokens: ArraySlice<Int32>, _ runs: [Run], shouldStop: () -> Bool = { false },
    observer: (any PassObserver)? = nil
  ) throws {
    precondition(tokens.count <= capacity)
    halves = []
    embed(tokens, runs)
    for (block, operations) in operations.enumerated() {
      for operation in operations {
        if shouldStop() { throw NetworkError.stopped }
        try take(operation, block, runs, count: tokens.count, observer)
      }
      try check()
    }
    try norm(TensorID(.finalNorm), .residual, into: .normed, count: tokens.count)
  }

  private func check() throws { for hand in hands { try hand.engine.check() } }

  private func embed(_ tokens: ArraySlice<Int32>, _ runs: [Run]) {
    let width = config.width
    let residual = unsafe slot(.residual)
    for (row, token) in tokens.enumerated() {
      unsafe embedding.read(Int(token), width: width, into: residual + row * width)
    }
    if config.embeddingScale != 1 {
      unsafe pare_scale(tokens.count * width, config.embeddingScale, residual)
    }
    guard let positions else { return }
    let vector = unsafe slot(.branch)
    for run in runs {
      for row in 0..<run.count {
        let sum = unsafe residual + (run.row + row) * width
        unsafe positions.read(run.position + row, width: width, into: vector)
        unsafe pare_sum(width, sum, vector, sum)
      }
    }
  }

  private func take(
    _ operation: Operation, _ block: Int, _ runs: [Run], count: Int,
    _ observer: (any PassObserver)?
  ) throws {
    switch operation {
    case .step(let step): try take(step, block, runs, count: count, observer)
    case .attentionInput(let from):
      let layer = try weights.linear(TensorID(.queryKeyValue, block: block), precision)
      unsafe observer?.add(
        TensorID(.query, block: block), slot(from), rows: count, columns: layer.columns)
      unsafe multiply(layer, from, count: count, into: qkv.floats, stride: layer.rows)
    case .activated(let role, let from):
      let layer = try linear(role, block, from, count: count, observer)
      halves.remove(.gate)
      guard layer.activates else {
        unsafe multiply(layer, from, count: count, into: slot(.gate), stride: layer.rows)
        return activate(count * layer.rows)
      }
      unsafe multiply(
        layer, from, count: count, into: slot(.gate), stride: layer.rows,
        .init(activation: config.activation, isHalf: layer.isHalf))
      if layer.isHalf { halves.insert(.gate) }
    case .adding(let role, let from):
      let layer = try linear(role, block, from, count: count, observer)
      unsafe multiply(
        layer, from, count: count, into: slot(.residual), stride: config.width,
        .init(adds: true))
    }
  }

  private func take(
    _ step: BlockStep, _ block: Int, _ runs: [Run], count: Int, _ observer: (any PassObserver)?
  ) throws {
    switch step {
    case .norm(let role, let from, let into):
      try norm(TensorID(role, block: block), from, into: into, count: count)
    case .linear(let role, let from, let into):
      let layer = try linear(role, block, from, count: count, observer)
      halves.remove(into)
      let isAttention = [.query, .key, .value].contains(into)
      unsafe multiply(
        layer, from, count: count, into: slot(into, block: block),
        stride: isAttention ? shapes[block].qkvWidth : layer.rows)
    case .headNorm(let role, let slot): try headNorm(TensorID(role, block: block), slot, count)
    case .rope(let slot): turn(slot, block, runs)
    case .attend: try attend(block, runs)
    case .activate: activate(count * shapes[block].hidden)
    case .experts(let from, let into):
      try route(block, from, into: into, count: count, observer)
    case .add:
      let (count, scale) = (count * config.width, config.residualScale)
      unsafe pare_add_scaled(count, scale, slot(.branch), slot(.residual))
    }
  }

  private func linear(
    _ role: TensorRole, _ block: Int, _ from: Slot, count: Int, _ observer: (any PassObserver)?
  ) throws -> any LinearWeights {
    let id = TensorID(role, block: block)
    let layer = try weights.linear(id, precision)
    unsafe observer?.add(id, slot(from), rows: count, columns: layer.columns)
    return layer
  }

  private func multiply(
    _ layer: any LinearWeights, _ from: Slot, count: Int,
    into output: UnsafeMutablePointer<Float>, stride: Int,
    _ finish: LayerProduct.Finish = .init()
  ) {
    unsafe multiply(
      layer, count, slot(from), isHalf: halves.contains(from), output, stride: stride, finish)
  }

  /// Inputs that are f32, or bf16 already, by a layer.
  func multiply(
    _ layer: any LinearWeights, _ count: Int, _ input: UnsafeRawPointer,
    isHalf: Bool = false, _ output: UnsafeMutablePointer<Float>, stride: Int,
    _ finish: LayerProduct.Finish = .init()
  ) {
    guard count > 0 else { return }
    var input = unsafe input
    if layer.isHalf, !isHalf {
      unsafe pare_to_bf16(
        count * layer.columns, input.assumingMemoryBound(to: Float.self), rounded.halves)
      unsafe input = UnsafeRawPointer(rounded.floats)
    }
    let product = unsafe LayerProduct(
      count, input, UnsafeMutableRawPointer(output), stride: stride, finish)
    crew.run(layer.groupCount) { worker, group in
      layer.multiply(group: group, product, with: hands[worker])
    }
  }

  private func norm(_ id: TensorID, _ from: Slot, into: Slot, count: Int) throws {
    let weight = try weights.vector(id) ?? []
    let bias = try weights.vector(id.bias)
    unsafe weight.withUnsafeBufferPointer { weight in
      if config.normKind == .rms {
        halves.remove(into)
        return unsafe pare_rms_norm(
          count, config.width, slot(from), config.width, weight.baseAddress.unsafelyUnwrapped,
          config.normOffset, config.normEpsilon, slot(into))
      }
      let writesHalf = isHalf && into != .branch && config.experts == nil
      unsafe withOptional(bias) { bias in
        unsafe pare_layer_norm(
          count, config.width, slot(from), weight.baseAddress, bias, config.normEpsilon,
          writesHalf ? nil : slot(into),
          writesHalf ? slots[into].unsafelyUnwrapped.halves : nil)
      }
      if writesHalf { halves.insert(into) } else { halves.remove(into) }
    }
  }

  private func withOptional(_ values: [Float]?, _ body: (UnsafePointer<Float>?) -> Void) {
    guard let values else { return body(nil) }
    unsafe values.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
  }

  private func heads(_ slot: Slot, _ block: Int) -> Int {
    slot == .query ? shapes[block].queryHeads : shapes[block].heads.count
  }

  /// Of queries or keys, which are as wide as in the whole model.
  private func headNorm(_ id: TensorID, _ place: Slot, _ count: Int) throws {
    guard let weight = try weights.vector(id), let block = id.block, !weight.isEmpty else { return }
    let values = unsafe slot(place, block: block)
    let width = weight.count
    let rows = heads(place, block) * config.headWidth / width
    unsafe weight.withUnsafeBufferPointer { weight in
      for row in 0..<count {
        let start = unsafe values + row * shapes[block].qkvWidth
        unsafe pare_rms_norm(
          rows, width, start, width, weight.baseAddress.unsafelyUnwrapped, config.normOffset,
          config.normEpsilon, start)
      }
    }
  }

  private func turn(_ place: Slot, _ block: Int, _ runs: [Run]) {
    guard let index = config.attention[block].rope else { return }
    let rope = config.ropes[index]
    let (heads, pairs) = (heads(place, block), rope.width / 2)
    let stride = shapes[block].qkvWidth
    let values = unsafe slot(place, block: block)
    for run in runs {
      let table = unsafe angles[index].floats + run.position * 2 * pairs
      for offset in 0..<run.count {
        unsafe pare_turn(
          heads, config.headWidth, pairs, rope.isInterleaved ? 1 : 0,
          table + offset * 2 * pairs, values + (run.row + offset) * stride)
      }
    }
  }

  func activate(_ count: Int) {
    unsafe pare_activate(
      count, config.activation.code, slot(.gate), config.isGated ? slot(.up) : nil)
  }

  /// Logits of `count` rows from row `first` on, `[count, vocabulary]`; good until the next
  /// call. `count` is at most `logitRows`.
  func logits<R>(
    from first: Int, count: Int, _ body: (UnsafePointer<Float>) throws -> R
  ) throws -> R {
    precondition(count <= logitRows)
    let head = try weights.linear(TensorID(.head), precision)
    let isHalf = halves.contains(.normed)
    let input = unsafe UnsafeRawPointer(slot(.normed)) + first * config.width * (isHalf ? 2 : 4)
    unsafe multiply(
      head, count, input, isHalf: isHalf, logits.floats, stride: config.vocabulary)
    try check()
    let values = count * config.vocabulary
    if config.logitScale != 1 { unsafe pare_scale(values, config.logitScale, logits.floats) }
    if let cap = config.logitCap { unsafe pare_cap(values, cap, logits.floats) }
    return try unsafe body(logits.floats)
  }
}
