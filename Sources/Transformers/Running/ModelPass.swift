package import Backend
package import Models
internal import Tensors

/// Runs the steps of a model's blocks over tokens of one or several streams, for prompts,
/// measurements, generation and training alike. Its threads share out each product by output
/// channels and attention by heads, so the digits do not depend on their number.
@safe
package final class ModelPass {
  /// Tokens of one stream, neighbours.
  package struct Run {
    /// The first one's row.
    package let row: Int
    package let count: Int
    package let stream: Int
    /// Its position.
    package let position: Int
  }

  /// Values of logits that are in memory at once: few where a thread has its own, many where
  /// the head is read anew for each piece.
  private static let logitBudget = 1 << 22
  private static let largeLogitBudget = 1 << 24

  let weights: any PassWeights
  package let config: ModelConfig
  let crew: Crew
  let hands: [Hand]
  let precision: Precision
  /// Tokens there is room for.
  package let capacity: Int
  /// Rows of logits there is room for.
  let logitRows: Int
  let memory: KeyValueMemory?
  /// What is kept so that the steps can be followed back; nil where the pass only runs.
  package let tape: Tape?
  let shapes: [BlockShape]
  package let plan: PassPlan
  /// Inputs of a product as bf16.
  private let rounded: AlignedBuffer
  /// Hidden values of some tokens in an expert.
  let expertGate: Values
  let expertUp: Values
  private let logits: AlignedBuffer
  private let embedding: any EmbeddingRows
  private let positions: (any EmbeddingRows)?
  /// A position's vector.
  private let position: AlignedBuffer
  /// Cosines and sines of each rotary embedding, by position.
  private let angles: [AlignedBuffer]

  /// Room for `capacity` tokens at once, none of them at position `length` or behind. Without
  /// `memory` each run begins at position 0. Throws what reading weights throws,
  /// `NetworkError.outOfMemory` and `BackendError`.
  package init(
    _ weights: any PassWeights, _ config: ModelConfig, _ precision: Precision = .f32, crew: Crew,
    capacity: Int, length: Int, memory: KeyValueMemory? = nil, tape: Tape? = nil
  ) throws {
    self.weights = weights
    self.config = config
    self.precision = precision
    self.crew = crew
    self.capacity = capacity
    self.memory = memory
    self.tape = tape
    let shapes = (0..<config.blocks).map { config.shape(of: $0) }
    self.shapes = shapes
    let isHalf = weights.isPacked && precision == .bf16 && Precision.hasFastBF16
    // Routers and experts read f32.
    let rounding: Rounding =
      !isHalf || config.experts != nil ? .none : tape == nil ? .products : .activations
    func widest(_ width: (BlockShape) -> Int) -> Int { shapes.reduce(0) { max($0, width($1)) } }
    let inExpert = config.experts.map { max($0.hidden, $0.shared, $0.count) } ?? 0
    let hidden = max(widest(\.hidden), inExpert)
    let (mixed, qkvWidth) = (widest(\.mixedWidth), widest(\.qkvWidth))
    let broadest = max(config.width, hidden, mixed)
    try WorkingMemory.require(
      [
        [capacity, 4, config.width], [capacity, qkvWidth + mixed], [capacity, 2, hidden],
        [capacity, isHalf ? broadest : 0], [Self.queryTile, crew.threads, length],
      ], for: "\(capacity) tokens at once")
    hands = try (0..<crew.threads).map { _ in try Hand() }
    plan = PassPlan(config, capacity: capacity, rounding, keeps: tape != nil) {
      weights.isJoined($0)
    }
    expertGate = Values(rows: capacity, width: inExpert, isHalf: false)
    expertUp = Values(rows: capacity, width: inExpert, isHalf: false)
    rounded = AlignedBuffer(isHalf ? (capacity * broadest + 1) / 2 : 0)
    let budget = weights.isPacked ? Self.logitBudget : Self.largeLogitBudget
    logitRows = tape != nil ? capacity : min(capacity, max(budget / config.vocabulary, 1))
    logits = AlignedBuffer(logitRows * config.vocabulary)
    embedding = try weights.embedding(.tokenEmbedding)
    positions = config.hasPositions ? try weights.embedding(.positionEmbedding) : nil
    position = AlignedBuffer(config.hasPositions ? config.width : 0)
    angles = try config.ropes.map { rope in
      try Self.angles(rope, of: weights, length: length)
    }
  }

  private static func angles(
    _ rope: Rope, of weights: any PassWeights, length: Int
  ) throws -> AlignedBuffer {
    var original: Int?
    if case .longRope(_, _, let count) = rope.scaling { original = count }
    let divisors = try weights.ropeDivisors(length: length, original: original)
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

  /// Runs the blocks over tokens, which are those of `runs` one after the other, and keeps the
  /// normed result for `logits(from:count:_:)`. In f32, `observer` gets what goes into each
  /// linear layer, and always what experts take.
  /// Throws `NetworkError.stopped` once `shouldStop` says so.
  package func run(
    _ tokens: ArraySlice<Int32>, _ runs: [Run], shouldStop: () -> Bool = { false },
    observer: (any PassObserver)? = nil
  ) throws {
    precondition(tokens.count <= capacity)
    embed(tokens, runs)
    for step in plan.steps {
      if shouldStop() { throw NetworkError.stopped }
      try take(step, runs, count: tokens.count, observer)
      try check()
    }
    try norm(TensorID(.finalNorm), plan.last, into: plan.normed, count: tokens.count)
  }

  private func check() throws { for hand in hands { try hand.engine.check() } }

  private func embed(_ tokens: ArraySlice<Int32>, _ runs: [Run]) {
    let width = config.width
    let residual = unsafe plan.embedded.floats()
    for (row, token) in tokens.enumerated() {
      unsafe embedding.read(Int(token), width: width, into: residual + row * width)
    }
    if config.embeddingScale != 1 {
      unsafe Processor.scale(tokens.count * width, config.embeddingScale, residual)
    }
    if let positions {
      for run in runs {
        for row in 0..<run.count {
          let sum = unsafe residual + (run.row + row) * width
          unsafe positions.read(run.position + row, width: width, into: position.floats)
          unsafe Processor.sum(width, sum, position.floats, into: sum)
        }
      }
    }
    if let tape {
      unsafe Processor.drop(tokens.count * width, tape.dropout.rule(.embedding), residual)
    }
  }

  private func take(
    _ step: PlannedStep, _ runs: [Run], count: Int, _ observer: (any PassObserver)?
  ) throws {
    let block = step.block
    switch step.operation {
    case .attentionInput:
      let layer = try weights.linear(TensorID(.queryKeyValue, block: block), precision)
      observe(observer, TensorID(.query, block: block), step.from, count, layer)
      multiply(layer, step.from, count: count, into: step.into)
    case .activated(let role, _):
      let layer = try linear(role, step, count: count, observer)
      guard layer.activates else {
        multiply(layer, step.from, count: count, into: step.into)
        return Processor.activate(
          count * layer.rows, config.activation, gate: step.into, up: nil, into: step.into)
      }
      multiply(
        layer, step.from, count: count, into: step.into, .init(activation: config.activation))
    case .adding(let role, _):
      let layer = try linear(role, step, count: count, observer)
      multiply(layer, step.from, count: count, into: step.into, .init(adds: true))
    case .step(.norm(let role, _, _)):
      try norm(TensorID(role, block: block), step.from, into: step.into, count: count)
    case .step(.linear(let role, _, _)):
      let layer = try linear(role, step, count: count, observer)
      multiply(layer, step.from, count: count, into: step.into)
    case .step(.headNorm(let role, let slot)):
      try headNorm(TensorID(role, block: block), slot, step, count)
    case .step(.rope(let slot)): turn(step.into, slot, block, runs)
    case .step(.attend): try attend(step, runs)
    case .step(.activate):
      Processor.activate(
        count * shapes[block].hidden, config.activation, gate: step.from, up: step.also,
        into: step.into)
    case .step(.experts):
      try unsafe route(
        block, step.from.floats(), into: step.into.floats(), count: count, observer)
    case .step(.add): try add(step, count)
    }
  }

  /// Adds a branch to the residual stream.
  private func add(_ step: PlannedStep, _ count: Int) throws {
    let before = unsafe step.also.unsafelyUnwrapped
    let values = count * config.width
    guard let tape else {
      return unsafe Processor.addScaled(
        values, config.residualScale, step.from.floats(), into: before.floats())
    }
    if config.residualScale != 1 {
      unsafe Processor.scale(values, config.residualScale, step.from.floats())
    }
    let branch = try branch(of: step)
    Processor.addBranch(
      count, config.width, live: branch.live, outputs: branch.outputs,
      tape.dropout.rule(branch.site, block: step.block), before, step.from, into: step.into)
  }

  /// What is added to the residual stream by a step that adds: so many columns, which belong to
  /// the channels `outputs`, nil for all.
  package func branch(
    of step: PlannedStep
  ) throws -> (live: Int, outputs: [Int32]?, site: Dropout.Site) {
    let role = unsafe step.branch.unsafelyUnwrapped
    let layer = try weights.linear(TensorID(role, block: step.block), precision)
    return (
      layer.outputs == nil ? config.width : layer.rows, layer.outputs,
      role == .attentionOutput ? .attentionOutput : .mlpOutput
    )
  }

  private func linear(
    _ role: TensorRole, _ step: PlannedStep, count: Int, _ observer: (any PassObserver)?
  ) throws -> any LinearWeights {
    let id = TensorID(role, block: step.block)
    let layer = try weights.linear(id, precision)
    observe(observer, id, step.from, count, layer)
    return layer
  }

  private func observe(
    _ observer: (any PassObserver)?, _ id: TensorID, _ from: Values, _ count: Int,
    _ layer: any LinearWeights
  ) {
    guard let observer, !from.isHalf else { return }
    unsafe observer.add(id, from.floats(), rows: count, columns: layer.columns)
  }

  private func multiply(
    _ layer: any LinearWeights, _ from: Values, count: Int, into: Values,
    _ finish: LayerProduct.Finish = .init()
  ) {
    var finish = finish
    finish.isHalf = into.isHalf
    unsafe multiply(
      layer, count, from.place(0), isHalf: from.isHalf, into.place(0), stride: into.stride, finish)
  }

  /// Inputs that are f32, or bf16 already, by a layer.
  func multiply(
    _ layer: any LinearWeights, _ count: Int, _ input: UnsafeRawPointer,
    isHalf: Bool = false, _ output: UnsafeMutableRawPointer, stride: Int,
    _ finish: LayerProduct.Finish = .init()
  ) {
    guard count > 0 else { return }
    var input = unsafe input
    if layer.isHalf, !isHalf {
      unsafe Processor.round(
        count * layer.columns, input.assumingMemoryBound(to: Float.self), into: rounded.halves)
      unsafe input = UnsafeRawPointer(rounded.floats)
    }
    let product = unsafe LayerProduct(count, input, output, stride: stride, finish)
    crew.run(layer.groupCount) { worker, group in
      layer.multiply(group: group, product, with: hands[worker])
    }
  }

  private func norm(_ id: TensorID, _ from: Values, into: Values, count: Int) throws {
    try unsafe weights.withVector(id) { weight in
      let weight = unsafe weight?.baseAddress
      if config.normKind == .rms {
        guard let weight = unsafe weight else { return }
        return unsafe Processor.rmsNorm(
          count, config.width, from, weight: weight, offset: config.normOffset,
          epsilon: config.normEpsilon, into: into)
      }
      try unsafe weights.withVector(id.bias) { bias in
        unsafe Processor.layerNorm(
          count, config.width, from, weight: weight, bias: bias?.baseAddress,
          epsilon: config.normEpsilon, into: into)
      }
    }
  }

  /// Heads of queries, or of keys.
  package func heads(_ slot: Slot, _ block: Int) -> Int {
    slot == .query ? shapes[block].queryHeads : shapes[block].heads.count
  }

  /// Of queries or keys, which are as wide as in the whole model.
  private func headNorm(_ id: TensorID, _ slot: Slot, _ step: PlannedStep, _ count: Int) throws {
    let heads = heads(slot, step.block)
    try unsafe weights.withVector(id) { weight in
      guard let weight = unsafe weight, let start = weight.baseAddress else { return }
      let width = weight.count
      unsafe Processor.headNorm(
        count, heads: heads * config.headWidth / width, width, step.from, weight: start,
        offset: config.normOffset, epsilon: config.normEpsilon, into: step.into)
    }
  }

  /// Turns queries or keys by their positions, or their gradients `back`.
  package func turn(
    _ values: Values, _ slot: Slot, _ block: Int, _ runs: [Run], back: Bool = false
  ) {
    guard let index = config.attention[block].rope else { return }
    let rope = config.ropes[index]
    let (heads, pairs) = (heads(slot, block), rope.width / 2)
    for run in runs {
      let table = unsafe angles[index].floats + run.position * 2 * pairs
      for offset in 0..<run.count {
        unsafe Processor.turn(
          values.place(run.row + offset), isHalf: values.isHalf, heads: heads,
          width: config.headWidth, pairs: pairs, isInterleaved: rope.isInterleaved, back: back,
          angles: table + offset * 2 * pairs)
      }
    }
  }

  /// Logits of `count` rows from row `first` on, `[count, vocabulary]`; good until the next
  /// call. `count` is at most `logitRows`.
  package func logits<R>(
    from first: Int, count: Int, _ body: (UnsafePointer<Float>) throws -> R
  ) throws -> R {
    precondition(count <= logitRows)
    let head = try weights.linear(TensorID(.head), precision)
    unsafe multiply(
      head, count, plan.normed.place(first), isHalf: plan.normed.isHalf, logits.floats,
      stride: config.vocabulary)
    try check()
    let values = count * config.vocabulary
    if config.logitScale != 1 { unsafe Processor.scale(values, config.logitScale, logits.floats) }
    if let cap = config.logitCap { unsafe Processor.cap(values, cap, logits.floats) }
    return try unsafe body(logits.floats)
  }
}
