internal import Backend
public import Models
internal import Synchronization
public import Tensors
public import Transformers

/// A network that can be trained: its parameters in memory, and the gradient of
/// its loss by each of them. One thread at a time asks; the work is shared out
/// among a crew.
public final class TrainingNetwork {
  /// What it computes; widths shrink while it compresses itself.
  public private(set) var configuration: ModelConfig
  let weights: TrainableWeights
  let crew: Crew
  private let source: Parameters
  private var passes: [TrainingPass] = []

  /// What is trained, in the order of its use; a tied head is there once.
  public var tensors: [TrainableTensor] { weights.tensors }
  var isHalf: Bool { weights.isHalf }

  /// Throws `NetworkError` where a network cannot be trained.
  public static func check(
    _ parameters: Parameters, configuration: [String: String]
  ) throws {
    _ = try model(parameters, configuration)
  }

  private static func model(
    _ parameters: Parameters, _ configuration: [String: String]
  ) throws -> Model {
    let model = try Model(running: parameters, configuration: configuration)
    guard model.config.experts == nil else {
      throw NetworkError.badSetting("Mixtures of experts are not trained.")
    }
    return model
  }

  /// Reads the weights of a network that can be run. Throws
  /// `NetworkError.notRunnable` where it cannot be, and what reading throws.
  public init(
    _ parameters: Parameters, configuration settings: [String: String], precision: Precision,
    threads: Int
  ) throws {
    let model = try Self.model(parameters, settings)
    configuration = model.config
    source = parameters
    crew = try Crew(threads: threads)
    weights = try TrainableWeights(
      model, isHalf: precision == .bf16 && Precision.hasFastBF16)
  }

  private var layers: [TrainableLayer] {
    blockLayers + (weights.layers[TensorID(.head)].map { [$0] } ?? [])
  }
  /// The linear layers of the blocks, which self-compression works on.
  var blockLayers: [TrainableLayer] { weights.blockLayers }

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
    return whole { original, parts in
      if let (values, grid) = quantized[parts[0].index] {
        return original.replacing(values, grid: grid, mask: nil)
      }
      return original.replacing(TrainableTensor.whole(parts), grid: nil, mask: nil)
    }
  }

  /// The values that training moves, f32: unlike `parameters` those before
  /// quantization.
  public func masters() -> Parameters {
    whole { $0.replacing(TrainableTensor.whole($1), grid: nil, mask: nil) }
  }

  /// What is trained by what `body` makes of each parameter and the tensors that are parts of it.
  private func whole(_ body: (Parameter, [TrainableTensor]) -> Parameter) -> Parameters {
    let parts = Dictionary(grouping: tensors, by: \.name)
    return source.replacing(
      parts.compactMap { name, parts in source[name].map { body($0, parts) } })
  }

  /// Lets every channel of the blocks' matrices learn its bit depth. Throws
  /// `NetworkError.badSetting` where one matrix of the file holds several layers.
  func quantize(depth: Float) throws {
    for (id, layer) in weights.layers where id.block != nil {
      guard layer.weight.selection.isAll else {
        throw NetworkError.badSetting(
          "\(layer.weight.name) holds several layers in one matrix: such networks do not compress "
            + "themselves yet.")
      }
    }
    for (id, layer) in weights.layers where id.block != nil {
      weights.replace(id, layer.quantized(by: ChannelQuantizer(layer.weight, depth: depth)))
    }
  }

  /// Keeps of a block's layers what `selections` says; `outputs` are the channels of the residual
  /// stream that its output layers write.
  func shrink(
    block: Int, to shape: BlockShape, _ selections: [TensorRole: Selection],
    outputs: [TensorRole: [Int32]]
  ) {
    var shapes = (0..<configuration.blocks).map { configuration.shape(of: $0) }
    shapes[block] = shape
    configuration.ownShapes = shapes
    for (id, layer) in weights.blockLayers(block) {
      guard let selection = selections[id.role] else { continue }
      let weight = TrainableTensor(layer.weight, selection)
      weights.replace(id, layer.selecting(weight, selection, outputs: outputs[id.role]))
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
      passes.append(
        try TrainingPass(
          weights, configuration, share: share, length: length, isFirst: index == 0))
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
        unsafe Processor.sum(count, sum, pass.gradient(tensor) + first, into: sum)
      }
    }
  }
}
