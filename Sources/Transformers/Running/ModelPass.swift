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
  /// Inputs of a product in panels.
  private var panels: [Numbers: Panels] = [:]
  private let row = RowInput()
  private let keeper = InputKeeper()
  /// Asked by all threads between pieces of a product.
  package var isStopped: @Sendable () -> Bool = { false }
  /// What a gate has left in panels for the layer that reads `from`.
  private var hidden: [Numbers: Panels] = [:]
  private var readyHidden: (from: UnsafeRawPointer, panels: Panels)? = nil
  /// Keys and values of each run's heads in panels.
  var panelsOfHeads: [AttentionPanels] = []
  /// Steps that are taken at once.
  private let groups: [Range<Int>]
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
    let isHalf = weights.isHalf
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
        [capacity, 2, broadest], [2 * Self.queryTile, crew.threads, length],
        [capacity + length, 2, widest { $0.keyWidth + $0.valueWidth }],
      ], for: "\(capacity) tokens at once")
    hands = try (0..<crew.threads).map { _ in try Hand() }
    plan = PassPlan(config, capacity: capacity, rounding, keeps: tape != nil) {
      weights.isJoined($0)
    }
    groups = Self.groups(plan.steps)
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
    for group in groups {
      if shouldStop() { throw NetworkError.stopped }
      try take(plan.steps[group], runs, count: tokens.count, observer)
      try check()
    }
    try norm(TensorID(.finalNorm), plan.last, into: plan.normed, count: tokens.count)
    try weights.check()
  }

  /// How many stages `take(stage:_:count:)` runs.
  package var stageCount: Int { groups.count }

  /// The layers of a stage, which read the same inputs; none of a stage without layers.
  package func layers(of stage: Int) -> (ids: [TensorID], inputs: Values?) {
    let steps = plan.steps[groups[stage]]
    let ids = steps.compactMap { step -> TensorID? in
      switch step.operation {
      case .attentionInput: TensorID(.queryKeyValue, block: step.block)
      case .activated(let role, _), .adding(let role, _), .step(.linear(let role, _, _)):
        TensorID(role, block: step.block)
      case .step: nil
      }
    }
    return (ids, ids.isEmpty ? nil : steps.first?.from)
  }

  /// Takes tokens to be run stage by stage.
  package func begin(_ tokens: ArraySlice<Int32>, _ runs: [Run]) {
    precondition(tokens.count <= capacity)
    embed(tokens, runs)
  }

  /// Runs the next stage. Inputs of layers are left as `layers(of:)` says, until later stages write
  /// there. Throws as `run`, soon after `isStopped` says so.
  package func take(stage: Int, _ runs: [Run], count: Int) throws {
    try take(plan.steps[groups[stage]], runs, count: count, keeper)
    if isStopped() { throw NetworkError.stopped }
    try check()
    try weights.check()
  }

  /// Sees to it that inputs of layers are left where they can be seen.
  private final class InputKeeper: PassObserver {}

  /// Neighbouring layers that read the same are one group, with the activation after them; other
  /// steps are one each.
  private static func groups(_ steps: [PlannedStep]) -> [Range<Int>] {
    func source(_ index: Int) -> Slot? {
      guard case .step(.linear(_, let from, _)) = steps[index].operation else { return nil }
      return from
    }
    var groups: [Range<Int>] = []
    for index in steps.indices {
      let joins =
        switch steps[index].operation {
        case .step(.activate): true
        default: index > 0 && source(index) != nil && source(index) == source(index - 1)
        }
      if joins, let last = groups.last, steps[index].block == steps[index - 1].block {
        groups[groups.count - 1] = last.lowerBound..<index + 1
      } else {
        groups.append(index..<index + 1)
      }
    }
    return groups
  }

  /// Calls `body` with some rows at a time, on all threads.
  func forEachRows(of count: Int, _ body: (Range<Int>) -> Void) {
    let some = 16
    guard crew.threads > 1, count > some else { return body(0..<count) }
    crew.run((count + some - 1) / some) { _, index in
      body(index * some..<min((index + 1) * some, count))
    }
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
    _ steps: ArraySlice<PlannedStep>, _ runs: [Run], count: Int, _ observer: (any PassObserver)?
  ) throws {
    guard steps.count > 1, let first = steps.first, let last = steps.last else {
      for step in steps { try take(step, runs, count: count, observer) }
      return
    }
    var layers = steps
    if case .step(.activate) = last.operation { layers.removeLast() }
    let shares = try layers.map { step in
      guard case .step(.linear(let role, _, _)) = step.operation else {
        preconditionFailure("only layers are taken together")
      }
      return share(
        try linear(role, step, count: count, observer), first.from, count: count, into: step.into)
    }
    if layers.count < steps.count, observer == nil,
      gate(shares.map(\.layer), first.from, count: count, into: last.into)
    {
      return
    }
    run(shares, isHalf: first.from.isHalf)
    if layers.count < steps.count { try take(last, runs, count: count, observer) }
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
      if observer == nil, gate([layer], step.from, count: count, into: step.into) { return }
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
      activate(count, shapes[block].hidden, gate: step.from, up: step.also, into: step.into)
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

  /// A layer, what it multiplies, and where its outputs go.
  private typealias Share = (layer: any LinearWeights, product: LayerProduct)

  private func share(
    _ layer: any LinearWeights, _ from: Values, count: Int, into: Values,
    _ finish: LayerProduct.Finish = .init()
  ) -> Share {
    var finish = finish
    finish.isHalf = into.isHalf
    return unsafe (
      layer, LayerProduct(count, from.place(0), into.place(0), stride: into.stride, finish)
    )
  }

  private func multiply(
    _ layer: any LinearWeights, _ from: Values, count: Int, into: Values,
    _ finish: LayerProduct.Finish = .init()
  ) {
    run([share(layer, from, count: count, into: into, finish)], isHalf: from.isHalf)
  }

  /// One layer whose inputs and outputs are f32.
  func multiply(
    _ layer: any LinearWeights, _ count: Int, _ input: UnsafePointer<Float>,
    _ output: UnsafeMutablePointer<Float>, stride: Int
  ) {
    run([(layer, unsafe LayerProduct(count, input, output, stride: stride))], isHalf: false)
  }

  /// Products of the same inputs, which are f32, or bf16 already.
  private func run(_ shares: [Share], isHalf: Bool) {
    guard let first = shares.first, first.product.count > 0 else { return }
    var tasks = shares
    var known: [(form: InputForm, values: UnsafeRawPointer, ready: ReadyInput)] = unsafe []
    for index in tasks.indices {
      let (layer, product) = tasks[index]
      let form = layer.form(of: product.count)
      if let made = unsafe known.first(where: { unsafe $0.form == form }) {
        unsafe tasks[index].product.take(made.values, made.ready)
        continue
      }
      let made = unsafe make(form, product, columns: layer.columns, isHalf: isHalf)
      unsafe tasks[index].product.take(made.0, made.1)
      if index + 1 < tasks.count { unsafe known.append((form, made.0, made.1)) }
    }
    if tasks.allSatisfy({ if case .row = $0.product.ready { true } else { false } }) {
      return runRow(tasks)
    }
    let groups = tasks.reduce(0) { $0 + $1.0.groupCount }
    let size = partSize(of: first.product.count, groups: groups)
    let parts = (first.product.count + size - 1) / size
    crew.run(groups * parts) { [tasks, isStopped] worker, index in
      if isStopped() { return }
      let inputs = index / groups * size..<min((index / groups + 1) * size, first.product.count)
      var group = index % groups
      for (layer, product) in tasks {
        guard group >= layer.groupCount else {
          if parts > 1, let layer = layer as? any PanelWeights {
            return layer.apply(group: group, product, of: inputs, with: hands[worker])
          }
          if inputs.lowerBound == 0 {
            layer.multiply(group: group, product, with: hands[worker])
          }
          return
        }
        group -= layer.groupCount
      }
    }
  }

  /// Products of one input.
  private func runRow(_ tasks: [Share]) {
    var ends: [Int] = []
    for task in tasks { ends.append((ends.last ?? 0) + task.layer.rows) }
    let runs = crew.runs(of: ends.last ?? 0)
    crew.run(runs.count) { [ends, row] worker, index in
      var first = 0
      for (task, end) in ends.enumerated() {
        let rows = runs[index].clamped(to: first..<end)
        if !rows.isEmpty {
          tasks[task].layer.multiply(
            rows: rows.lowerBound - first..<rows.upperBound - first, by: row,
            tasks[task].product, with: hands[worker])
        }
        first = end
      }
    }
  }

  /// Inputs that are multiplied at a time: all, or fewer where there are so few groups of rows
  /// that threads would wait.
  private func partSize(of count: Int, groups: Int) -> Int {
    let parts = min(2 * crew.threads / max(groups, 1), count / 64)
    guard crew.threads > 1, parts > 1 else { return count }
    return (count / parts + 31) / 32 * 32
  }

  /// Makes inputs ready, which are good until the next ones of the same form.
  private func make(
    _ form: InputForm, _ product: LayerProduct, columns: Int, isHalf: Bool
  ) -> (UnsafeRawPointer, ReadyInput) {
    let values = unsafe product.input.assumingMemoryBound(to: Float.self)
    switch form {
    case .plain: break
    case .half:
      guard !isHalf else { break }
      unsafe Processor.round(product.count * columns, values, into: rounded.halves)
      return unsafe (UnsafeRawPointer(rounded.floats), .plain)
    case .panels(let numbers):
      if let ready = unsafe readyHidden, unsafe ready.from == product.input,
        unsafe ready.panels.numbers == numbers
      {
        unsafe readyHidden = nil
        return unsafe (product.input, .panels(ready.panels))
      }
      let panels = self.panels[numbers] ?? Panels(product.count, columns: columns, numbers)
      self.panels[numbers] = panels
      panels.resize(product.count, columns: columns)
      forEachRows(of: product.count) { rows in
        unsafe panels.pack(inputs: rows, values + rows.lowerBound * columns, stride: columns)
      }
      return unsafe (product.input, .panels(panels))
    case .row:
      unsafe row.prepare(columns, values)
      return unsafe (product.input, .row(row))
    }
    return unsafe (product.input, .plain)
  }

  /// A gate, perhaps up, and the activation, left in panels for the layer that reads `into`; false
  /// where their inputs are not in panels.
  private func gate(
    _ layers: [any LinearWeights], _ from: Values, count: Int, into: Values
  ) -> Bool {
    guard tape == nil, count > 1, let first = layers.first,
      case .panels(let numbers) = first.form(of: count), layers.count <= 2,
      layers.allSatisfy({ $0.form(of: count) == .panels(numbers) && $0.rows == first.rows }),
      let gate = first as? any PanelWeights
    else { return false }
    let up = layers.count == 2 ? layers[1] as? any PanelWeights : nil
    let product = unsafe LayerProduct(count, from.place(0), into.place(0), stride: into.stride)
    guard
      case .panels(let inputs) = unsafe make(
        .panels(numbers), product, columns: first.columns, isHalf: false
      ).1
    else { return false }
    let hidden = self.hidden[numbers] ?? Panels(count, columns: first.rows, numbers)
    self.hidden[numbers] = hidden
    hidden.resize(count, columns: first.rows)
    let size = partSize(of: count, groups: gate.groupCount)
    crew.run(gate.groupCount * ((count + size - 1) / size)) { worker, index in
      let (group, part) = (index % gate.groupCount, index / gate.groupCount)
      let (weights, rows) = gate.panels(of: group, hands[worker], slot: 0)
      let other = up.map { up in
        let (weights, rows) = up.panels(of: group, hands[worker], slot: 1)
        return (weights: weights, rows: rows, bias: up.bias)
      }
      weights.multiplyGated(
        rows: rows, bias: gate.bias, up: other, config.activation, by: inputs,
        part * size..<min((part + 1) * size, count), first: gate.range(of: group).lowerBound,
        into: hidden, with: hands[worker])
    }
    unsafe readyHidden = unsafe (UnsafeRawPointer(into.place(0)), hidden)
    return true
  }

  private func activate(_ count: Int, _ width: Int, gate: Values, up: Values?, into: Values) {
    forEachRows(of: count) { rows in
      let first = rows.lowerBound * width
      Processor.activate(
        rows.count * width, config.activation, gate: gate.columns(from: first),
        up: up?.columns(from: first), into: into.columns(from: first))
    }
  }

  private func norm(_ id: TensorID, _ from: Values, into: Values, count: Int) throws {
    try unsafe weights.withVector(id) { weight in
      let weight = unsafe weight?.baseAddress
      if config.normKind == .rms {
        guard let weight = unsafe weight else { return }
        return forEachRows(of: count) { rows in
          unsafe Processor.rmsNorm(
            rows.count, config.width, from.rows(from: rows.lowerBound), weight: weight,
            offset: config.normOffset, epsilon: config.normEpsilon,
            into: into.rows(from: rows.lowerBound))
        }
      }
      try unsafe weights.withVector(id.bias) { bias in
        forEachRows(of: count) { rows in
          unsafe Processor.layerNorm(
            rows.count, config.width, from.rows(from: rows.lowerBound), weight: weight,
            bias: bias?.baseAddress, epsilon: config.normEpsilon,
            into: into.rows(from: rows.lowerBound))
        }
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
      forEachRows(of: count) { rows in
        unsafe Processor.headNorm(
          rows.count, heads: heads * config.headWidth / width, width,
          step.from.rows(from: rows.lowerBound), weight: start, offset: config.normOffset,
          epsilon: config.normEpsilon, into: step.into.rows(from: rows.lowerBound))
      }
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
      forEachRows(of: run.count) { rows in
        for offset in rows {
          unsafe Processor.turn(
            values.place(run.row + offset), isHalf: values.isHalf, heads: heads,
            width: config.headWidth, pairs: pairs, isInterleaved: rope.isInterleaved, back: back,
            angles: table + offset * 2 * pairs)
        }
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
    let product = unsafe LayerProduct(
      count, plan.normed.place(first), logits.floats, stride: config.vocabulary)
    run([(head, product)], isHalf: plan.normed.isHalf)
    try check()
    try weights.check()
    let values = count * config.vocabulary
    if config.logitScale != 1 { unsafe Processor.scale(values, config.logitScale, logits.floats) }
    if let cap = config.logitCap { unsafe Processor.cap(values, cap, logits.floats) }
    return try unsafe body(logits.floats)
  }
}
