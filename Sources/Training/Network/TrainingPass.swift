internal import Backend
internal import Models
internal import Tensors
internal import Transformers

/// The forward and backward pass of one thread over its share of a batch, a few
/// sequences at a time so that what it works on stays near.
///
/// In bf16 all activations and the operands of products are rounded; the residual
/// stream, its gradient, norms, softmax and all sums are f32.
final class TrainingPass {
  /// Tokens that are worked on at once, if sequences are shorter.
  private static let usualRows = 512

  let weights: TrainableWeights
  let config: ModelConfig
  let isHalf: Bool
  /// Tokens of a sequence, and the most sequences in this thread's share.
  let length: Int
  let share: Int
  /// Sequences that are worked on at once.
  private let chunk: Int
  let pass: ModelPass
  let tape: Tape
  let hand: Hand
  /// The sum of the losses of all tokens of the share.
  private(set) var loss = 0.0

  /// Gradients of the tensors; nil for the first thread, which writes into the
  /// tensors' own.
  private let gradients: [AlignedBuffer]?
  private var losses: [Double]
  /// Gradients of what is in the slots, of activations but for the residual stream's.
  private let slots: [Slot: Values]
  /// The same of norms that several layers read, which add up in f32.
  private let sums: [Slot: Values]
  private let logitGradient: Values
  /// Layers that read the result of a norm, by where that is.
  private var readers: [ObjectIdentifier: Int] = [:]
  /// Sums that a layer has begun.
  private var begun: Set<Slot> = []
  /// Inputs of a layer as bf16.
  private let rounded: Values
  /// Gradients of scores of one sequence, `[heads, length, padded]`.
  let scoreGradient: Values
  /// Gradients of the keys and values that several heads of queries read.
  let keySum: Values
  let valueSum: Values

  init(
    _ weights: TrainableWeights, _ config: ModelConfig, share: Int, length: Int, isFirst: Bool
  ) throws {
    self.weights = weights
    self.config = config
    let isHalf = weights.isHalf
    self.isHalf = isHalf
    self.length = length
    self.share = share
    chunk = min(max(TrainingPass.usualRows / length, 1), share)
    let rows = chunk * length
    tape = Tape(config, sequences: chunk, length: length, isHalf: isHalf)
    pass = try ModelPass(
      weights, config, isHalf ? .bf16 : .f32, crew: Crew(threads: 1), capacity: rows,
      length: length, tape: tape)
    hand = try Hand()
    gradients = isFirst ? nil : weights.tensors.map { AlignedBuffer($0.shape.count) }
    losses = [Double](repeating: 0, count: rows)
    let shapes = (0..<config.blocks).map { config.shape(of: $0) }
    func widest(_ width: (BlockShape) -> Int) -> Int { shapes.reduce(0) { max($0, width($1)) } }
    func room(_ width: Int, isHalf: Bool) -> Values {
      Values(rows: rows, width: width, isHalf: isHalf)
    }
    let widths: [Slot: Int] = [
      .normed: config.width, .mlpInput: config.width, .query: widest(\.qkvWidth),
      .mixed: widest(\.mixedWidth), .gate: widest(\.hidden),
      .up: config.isGated ? widest(\.hidden) : 0,
      .branch: config.width,
    ]
    slots = widths.mapValues { room($0, isHalf: isHalf) }
      .merging([.residual: room(config.width, isHalf: false)]) { $1 }
    sums = [
      .normed: room(config.width, isHalf: false), .mlpInput: room(config.width, isHalf: false),
    ]
    rounded = room(isHalf ? config.width : 0, isHalf: isHalf)
    logitGradient = room(config.vocabulary, isHalf: isHalf)
    let heads = shapes.reduce(0) { max($0, $1.queryHeads) }
    scoreGradient = Values(rows: heads * length, width: tape.padded, isHalf: isHalf)
    func widestHead(_ width: (BlockShape.Head) -> Int) -> Int {
      shapes.reduce(0) { $1.heads.reduce($0) { max($0, width($1)) } }
    }
    keySum = Values(rows: length, width: widestHead(\.keys), isHalf: false)
    valueSum = Values(rows: length, width: widestHead(\.values), isHalf: false)
    for step in pass.plan.steps where step.operation.layer != nil {
      readers[ObjectIdentifier(step.from.memory), default: 0] += 1
    }
  }

  /// Where this thread adds a tensor's gradient.
  func gradient(_ tensor: TrainableTensor) -> UnsafeMutablePointer<Float> {
    unsafe gradients.map { unsafe $0[tensor.index].floats }
      ?? tensor.gradient.baseAddress.unsafelyUnwrapped
  }

  /// Forgets the loss, and the gradients unless they are to be added to.
  func begin(keepsGradient: Bool) {
    loss = 0
    if keepsGradient { return }
    for tensor in weights.tensors {
      unsafe gradient(tensor).update(repeating: 0, count: tensor.shape.count)
    }
  }

  /// Adds the loss and the gradients of the sequences of `range`. `scale` is what a
  /// token's loss counts in the mean.
  func run(
    _ inputs: [Int32], _ targets: [Int32], _ range: Range<Int>, length: Int, rate: Float,
    seed: UInt64, scale: Float
  ) throws {
    for first in stride(from: range.lowerBound, to: range.upperBound, by: chunk) {
      let sequences = min(chunk, range.upperBound - first)
      let tokens = first * length..<(first + sequences) * length
      let runs = ModelPass.windows(tokens.count, of: length)
      tape.dropout = Dropout(rate: rate, seed: CounterHash.mix(seed ^ UInt64(first) << 32))
      try pass.run(inputs[tokens], runs)
      try head(targets[tokens], scale: scale)
      try backward(inputs[tokens], runs)
      try hand.engine.check()
    }
  }

  /// Logits, their loss, and the gradient of what the head reads.
  private func head(_ targets: ArraySlice<Int32>, scale: Float) throws {
    let (rows, layer) = (targets.count, try weights.layer(TensorID(.head)))
    try unsafe pass.logits(from: 0, count: rows) { logits in
      unsafe targets.withUnsafeBufferPointer { targets in
        unsafe losses.withUnsafeMutableBufferPointer { losses in
          unsafe Processor.crossEntropyGradient(
            rows, layer.rows, logits, targets: targets.baseAddress.unsafelyUnwrapped,
            scale: scale, losses: losses.baseAddress.unsafelyUnwrapped, into: logitGradient)
        }
      }
      if config.logitScale != 1 || config.logitCap != nil {
        unsafe Processor.logitGradient(
          rows * layer.rows, scale: config.logitScale, cap: config.logitCap, logits,
          logitGradient)
      }
    }
    for row in 0..<rows { loss += losses[row] }
    weightGradient(layer, rows, logitGradient, pass.plan.normed)
    unsafe inputGradient(layer, rows, logitGradient, into: slots[.normed].unsafelyUnwrapped)
  }

  /// Follows the steps back, from the gradient of the last norm's result to the tokens.
  private func backward(_ tokens: ArraySlice<Int32>, _ runs: [ModelPass.Run]) throws {
    let rows = tokens.count
    let residual = gradient(.residual)
    unsafe residual.floats().update(repeating: 0, count: rows * config.width)
    normGradient(TensorID(.finalNorm), rows, pass.plan.last, gradient(.normed))
    for step in pass.plan.steps.reversed() { try follow(step, runs, rows) }
    let width = config.width
    unsafe Processor.drop(rows * width, tape.dropout.rule(.embedding), residual.floats())
    for (row, token) in tokens.enumerated() {
      let from = unsafe residual.floats(row)
      if let words = weights.rows(.tokenEmbedding) {
        unsafe Processor.addScaled(
          width, config.embeddingScale, from, into: gradient(words) + Int(token) * width)
      }
      if let positions = weights.rows(.positionEmbedding) {
        unsafe Processor.addScaled(
          width, 1, from, into: gradient(positions) + row % length * width)
      }
    }
  }

  private func follow(_ step: PlannedStep, _ runs: [ModelPass.Run], _ rows: Int) throws {
    let block = step.block
    switch step.operation {
    case .attentionInput(let from):
      try layerGradient(.queryKeyValue, step, from, gradient(.query, block), rows)
    case .step(.linear(let role, let from, let into)):
      try layerGradient(role, step, from, gradient(into, block), rows)
    case .step(.norm(let role, let from, let into)):
      let id = TensorID(role, block: block)
      guard from == .residual else { return branchNormGradient(id, rows, step) }
      normGradient(id, rows, step.from, readGradient(into, step.into))
      begun.remove(into)
    case .step(.headNorm(let role, let slot)):
      guard let weight = weights.vectors[TensorID(role, block: block)] else { return }
      let width = weight.shape.count
      unsafe Processor.headNormGradient(
        rows, heads: pass.heads(slot, block) * config.headWidth / width, width, step.from,
        weight: weight.start, offset: config.normOffset, epsilon: config.normEpsilon,
        gradient(slot, block), weightGradient: gradient(weight))
    case .step(.rope(let slot)):
      pass.turn(gradient(slot, block), slot, block, runs, back: true)
    case .step(.attend): for run in runs { attendBackward(step, run) }
    case .step(.activate):
      Processor.activationGradient(
        rows * config.shape(of: block).hidden, config.activation, gate: step.from, up: step.also,
        gradient(.gate, block), upGradient: step.also == nil ? nil : gradient(.up, block))
    case .step(.add):
      let branch = try pass.branch(of: step)
      let into = gradient(.branch)
      Processor.branchGradient(
        rows, config.width, live: branch.live, outputs: branch.outputs,
        tape.dropout.rule(branch.site, block: block), gradient(.residual), into: into)
      if config.residualScale != 1 {
        Processor.scale(rows * config.width, config.residualScale, into)
      }
    case .step(.experts), .activated, .adding:
      throw NetworkError.badSetting("This step cannot be followed back.")
    }
  }

  /// The gradient of what is in a slot, of a block's width.
  func gradient(_ slot: Slot, _ block: Int = 0) -> Values {
    func values(_ slot: Slot, stride: Int) -> Values {
      let values = unsafe slots[slot].unsafelyUnwrapped
      return Values(values.memory, stride: stride, isHalf: values.isHalf)
    }
    switch slot {
    case .residual, .normed, .mlpInput, .branch: return values(slot, stride: config.width)
    case .mixed: return values(slot, stride: config.shape(of: block).mixedWidth)
    case .gate, .up: return values(slot, stride: config.shape(of: block).hidden)
    case .query, .key, .value:
      let shape = config.shape(of: block)
      return values(.query, stride: shape.qkvWidth).columns(from: shape.start(of: slot))
    }
  }

  /// The gradient of a norm's result: of activations, or f32 where it is a sum.
  private func readGradient(_ slot: Slot, _ result: Values) -> Values {
    if readers[ObjectIdentifier(result.memory), default: 0] > 1, let sum = sums[slot] {
      return sum
    }
    return gradient(slot)
  }

  /// The gradients of a layer's weights and of its inputs, from that of its outputs.
  private func layerGradient(
    _ role: TensorRole, _ step: PlannedStep, _ from: Slot, _ gradient: Values, _ rows: Int
  ) throws {
    let layer = try weights.layer(TensorID(role, block: step.block))
    var input = step.from
    if isHalf, !input.isHalf {
      unsafe Processor.round(
        rows * layer.columns, input.floats(),
        into: rounded.place(0).assumingMemoryBound(to: UInt16.self))
      input = rounded
    }
    weightGradient(layer, rows, gradient, input)
    switch from {
    case .residual:
      inputGradient(layer, rows, gradient, into: self.gradient(.residual), adds: true)
    case .normed, .mlpInput:
      let into = readGradient(from, step.from)
      inputGradient(layer, rows, gradient, into: into, adds: begun.contains(from))
      if !into.isHalf { begun.insert(from) }
    default:
      inputGradient(layer, rows, gradient, into: self.gradient(from, step.block))
    }
  }

  /// dW += dYᵀ·x, and the bias's.
  private func weightGradient(
    _ layer: TrainableLayer, _ rows: Int, _ gradient: Values, _ input: Values
  ) {
    unsafe hand.engine.multiply(
      ProductSize(m: layer.rows, n: layer.columns, k: rows),
      gradient.operand(isTransposed: true), input.operand(),
      into: Operand(self.gradient(layer.weight), stride: layer.columns),
      ProductForm(isHalf: isHalf, adds: true))
    if let bias = layer.bias {
      unsafe Processor.biasGradient(rows, layer.rows, gradient, into: self.gradient(bias))
    }
  }

  /// dX = dY·W, or what is there and that; only f32 adds up.
  private func inputGradient(
    _ layer: TrainableLayer, _ rows: Int, _ gradient: Values, into: Values, adds: Bool = false
  ) {
    if layer.rows == 0, !adds {
      let bytes = rows * layer.columns * (into.isHalf ? 2 : 4)
      unsafe into.place(0).initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    }
    hand.engine.multiply(
      ProductSize(m: rows, n: layer.columns, k: layer.rows), gradient.operand(),
      layer.operand(isTransposed: false), into: into.operand(),
      ProductForm(isHalf: isHalf, isOutputHalf: into.isHalf, adds: adds))
  }

  /// Adds to the residual stream's gradient that of a norm, from that of its result.
  private func normGradient(_ id: TensorID, _ rows: Int, _ input: Values, _ gradient: Values) {
    let (weight, bias) = (weights.vectors[id], weights.vectors[id.bias])
    if config.normKind == .layer {
      return unsafe Processor.layerNormGradient(
        rows, config.width, input, weight: weight?.start, epsilon: config.normEpsilon, gradient,
        into: self.gradient(.residual), weightGradient: weight.map { unsafe self.gradient($0) },
        biasGradient: bias.map { unsafe self.gradient($0) })
    }
    guard let weight else { return }
    unsafe Processor.rmsNormGradient(
      rows, config.width, input, weight: weight.start, offset: config.normOffset,
      epsilon: config.normEpsilon, gradient, into: self.gradient(.residual), adds: true,
      weightGradient: self.gradient(weight))
  }

  /// Makes of the gradient of a branch's norm that of the branch.
  private func branchNormGradient(_ id: TensorID, _ rows: Int, _ step: PlannedStep) {
    guard let weight = weights.vectors[id] else { return }
    let branch = gradient(.branch)
    unsafe Processor.rmsNormGradient(
      rows, config.width, step.from, weight: weight.start, offset: config.normOffset,
      epsilon: config.normEpsilon, branch, into: branch, adds: false,
      weightGradient: gradient(weight))
  }
}
