internal import CKernels
public import Models
internal import Synchronization
public import Tensors
public import Transformers

/// A network that can be trained: its parameters in memory, and the gradient of
/// its loss by each of them. One thread at a time asks; the work is shared out
/// among a crew.
public final class TrainingNetwork {
  public let configuration: ModelConfig
  /// What is trained, in the order of the checkpoint; a tied head is there once.
  public private(set) var tensors: [TrainableTensor]
  private(set) var blocks: [TrainableBlock]
  let tokenEmbedding: TrainableTensor
  let positionEmbedding: TrainableTensor
  let finalNorm: TrainableNorm
  let head: TrainableLayer
  let isHalf: Bool
  let crew: Crew
  private let source: Parameters
  private var passes: [TrainingPass] = []

  /// Throws `NetworkError` where a network cannot be trained.
  public static func check(
    _ parameters: Parameters, configuration: [String: String]
  ) throws {
    _ = try Blueprint(parameters, configuration: configuration)
  }

  /// Reads the weights of a network that can be run. Throws
  /// `NetworkError.notRunnable` where it cannot be, and what reading throws.
  public init(
    _ parameters: Parameters, configuration settings: [String: String], precision: Precision,
    threads: Int
  ) throws {
    let blueprint = try Blueprint(parameters, configuration: settings)
    var builder = Builder(isHalf: precision == .bf16 && Precision.hasFastBF16)
    configuration = blueprint.configuration
    source = parameters
    isHalf = builder.isHalf
    crew = try Crew(threads: threads)
    let token = try builder.tensor(blueprint.tokenEmbedding)
    tokenEmbedding = token
    positionEmbedding = try builder.tensor(blueprint.positionEmbedding)
    blocks = try blueprint.blocks.map { try builder.block($0) }
    finalNorm = try builder.norm(blueprint.finalNorm)
    let isTied = blueprint.isHeadTied
    let headWeight = try isTied ? token : builder.tensor(blueprint.head)
    head = TrainableLayer(headWeight, bias: nil, isHalf: builder.isHalf)
    tensors = builder.tensors
  }

  private var layers: [TrainableLayer] { blockLayers + [head] }
  /// The linear layers of the blocks, which self-compression works on.
  var blockLayers: [TrainableLayer] { blocks.flatMap(\.layers) }

  /// Mean cross-entropy in nats of `sequences` windows of `length` tokens each, and
  /// its gradient by every parameter, which replaces what is in
  /// `TrainableTensor.gradient`, or is added to it times `weight` where `accumulate`.
  ///
  /// Each of the crew's threads takes its share of the sequences, so that the same
  /// arguments give the same bits for the same number of threads. Throws
  /// `NetworkError.tokenOutOfRange`, `.contextOverflow` and `.outOfMemory`.
  public func gradients(
    _ inputs: [Int32], _ targets: [Int32], sequences: Int, length: Int, dropout: Float = 0,
    seed: UInt64 = 0, accumulate: Bool = false, weight: Float = 1
  ) throws -> Double {
    precondition(inputs.count == sequences * length && targets.count == inputs.count)
    try check(inputs)
    try check(targets)
    guard length <= configuration.context else {
      throw NetworkError.contextOverflow(tokens: length, context: configuration.context)
    }
    refresh()
    try reservePasses(for: min(crew.threads, sequences), sequences: sequences, length: length)
    let count = passes.count
    let failure = Mutex<(any Error)?>(nil)
    crew.run(count) { _, share in
      let range = share * sequences / count..<(share + 1) * sequences / count
      let pass = self.passes[share]
      do {
        pass.begin(keepsGradient: accumulate && share == 0)
        try pass.run(
          inputs, targets, range, length: length, rate: dropout, seed: seed,
          scale: weight / Float(sequences * length))
      } catch {
        failure.withLock { $0 = error }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
    addUp()
    return passes.reduce(0) { $0 + $1.loss } / Double(sequences * length)
  }

  /// The values as they are now, under the names of the checkpoint: of channels that
  /// learn their bit depth the quantized ones, of removed channels 0. What is not
  /// trained is what it was.
  public func parameters() -> Parameters {
    let quantized = Dictionary(
      blockLayers.compactMap { layer in layer.quantized().map { (layer.weight.index, $0) } },
      uniquingKeysWith: { $1 })
    return source.replacing(
      tensors.compactMap { tensor in
        guard let original = source[tensor.name] else { return nil }
        if let (values, grid) = quantized[tensor.index] {
          return original.replacing(values, grid: grid, mask: nil)
        }
        return original.replacing(
          unsafe tensor.whole(UnsafePointer(tensor.start)), grid: nil, mask: nil)
      })
  }

  /// The values that training moves, f32: unlike `parameters` those before
  /// quantization.
  public func masters() -> Parameters {
    source.replacing(
      tensors.compactMap { tensor in
        source[tensor.name]?.replacing(
          unsafe tensor.whole(UnsafePointer(tensor.start)), grid: nil, mask: nil)
      })
  }

  /// Lets every channel of the blocks' matrices learn its bit depth.
  func quantize(depth: Float) {
    for index in blocks.indices {
      blocks[index].replaceLayers { _, layer in
        layer.quantized(by: ChannelQuantizer(layer.weight, depth: depth))
      }
    }
  }

  /// Keeps of a block's matrices what `selections` says, by tensor number.
  func shrink(
    block index: Int, to shape: BlockShape, _ outputs: OutputChannels,
    _ selections: [Int: Selection]
  ) {
    blocks[index].shape = shape
    blocks[index].outputs = outputs
    blocks[index].replaceLayers { _, layer in
      guard let selection = selections[layer.weight.index] else { return layer }
      let weight = TrainableTensor(layer.weight, selection)
      tensors[weight.index] = weight
      return layer.selecting(weight, bias: layer.bias, selection)
    }
    passes = []
  }

  private func check(_ tokens: [Int32]) throws {
    let vocabulary = Int32(clamping: configuration.vocabulary)
    if let position = tokens.firstIndex(where: { $0 < 0 || $0 >= vocabulary }) {
      throw NetworkError.tokenOutOfRange(
        token: Int(tokens[position]), position: position, vocabulary: Int(vocabulary))
    }
  }

  private func refresh() {
    let layers = layers
    crew.run(layers.count) { _, index in layers[index].refresh() }
  }

  private func reservePasses(for count: Int, sequences: Int, length: Int) throws {
    let share = (sequences + count - 1) / count
    let isFitting =
      passes.count == count && passes.allSatisfy { $0.length == length && $0.share >= share }
    if isFitting { return }
    passes = []
    for index in 0..<count {
      passes.append(try TrainingPass(self, share: share, length: length, isFirst: index == 0))
    }
  }

  /// Adds the gradients of the other threads' shares to those of the first.
  private func addUp() {
    let passes = passes
    guard passes.count > 1 else { return }
    let stretch = 1 << 16
    let pieces = tensors.flatMap { tensor in
      stride(from: 0, to: tensor.shape.count, by: stretch).map { (tensor, $0) }
    }
    crew.run(pieces.count) { _, index in
      let (tensor, first) = pieces[index]
      let count = min(stretch, tensor.shape.count - first)
      let sum = unsafe tensor.gradient.baseAddress.unsafelyUnwrapped + first
      for pass in passes.dropFirst() {
        unsafe pare_sum(count, sum, pass.gradient(tensor) + first, sum)
      }
    }
  }
}

/// Takes a network's parameters one by one.
private struct Builder {
  let isHalf: Bool
  private(set) var tensors: [TrainableTensor] = []

  init(isHalf: Bool) { self.isHalf = isHalf }

  mutating func tensor(_ parameter: Parameter) throws -> TrainableTensor {
    let tensor = try TrainableTensor(parameter, index: tensors.count)
    tensors.append(tensor)
    return tensor
  }

  mutating func norm(_ norm: Blueprint.Norm) throws -> TrainableNorm {
    TrainableNorm(
      weight: try norm.weight.map { try tensor($0) }, bias: try norm.bias.map { try tensor($0) })
  }

  mutating func layer(_ layer: Blueprint.Layer) throws -> TrainableLayer {
    TrainableLayer(
      try tensor(layer.weight), bias: try layer.bias.map { try tensor($0) }, isHalf: isHalf)
  }

  mutating func block(_ block: Blueprint.Block) throws -> TrainableBlock {
    TrainableBlock(
      attentionNorm: try norm(block.attentionNorm), attention: try layer(block.attention),
      attentionOutput: try layer(block.attentionOutput), mlpNorm: try norm(block.mlpNorm),
      mlp: try layer(block.mlp), mlpOutput: try layer(block.mlpOutput), shape: block.shape)
  }
}
