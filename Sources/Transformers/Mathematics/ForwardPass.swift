internal import CKernels
internal import Tensors

/// The forward pass of one thread: windows of tokens in, logits out. Its buffers
/// serve one call after the other.
///
/// In bf16 the inputs of the linear layers are rounded on their way; the residual
/// stream, norms, softmax and all sums stay f32.
final class ForwardPass {
  /// Queries that attention works on at once.
  private static let queryTile = 64
  /// Values of logits that are in memory at once.
  private static let logitBudget = 1 << 22

  let network: ReadyNetwork
  private let configuration: Configuration
  private let engine: MatrixEngine
  private let isHalf: Bool
  /// Rows there is room for.
  let capacity: Int
  /// Rows of logits there is room for.
  let logitRows: Int
  private let residual: AlignedBuffer
  private let normed: AlignedBuffer
  private let qkv: AlignedBuffer
  private let mixed: AlignedBuffer
  private let hidden: AlignedBuffer
  private let scores: AlignedBuffer
  private let logits: AlignedBuffer

  /// `capacity` rows in windows no longer than `window`.
  init(_ network: ReadyNetwork, capacity: Int, window: Int) throws {
    self.network = network
    self.capacity = capacity
    configuration = network.configuration
    isHalf = network.precision == .bf16 && Precision.hasFastBF16
    let width = configuration.width
    let rows = min(ForwardPass.queryTile, window)
    try WorkingMemory.require(
      [
        [capacity, width, 6], [capacity, network.hiddenWidth],
        [configuration.heads, rows, ForwardPass.padded(window)],
      ], for: "\(capacity) tokens at once")
    engine = try MatrixEngine()
    residual = AlignedBuffer(capacity * width)
    normed = AlignedBuffer(capacity * width)
    qkv = AlignedBuffer(capacity * 3 * width)
    mixed = AlignedBuffer(capacity * width)
    hidden = AlignedBuffer(capacity * network.hiddenWidth)
    scores = AlignedBuffer(
      configuration.heads * rows * ForwardPass.padded(window))
    logitRows = min(capacity, max(ForwardPass.logitBudget / configuration.vocabulary, 1))
    logits = AlignedBuffer(logitRows * configuration.vocabulary)
  }

  /// Rows of scores begin on a cache line.
  private static func padded(_ window: Int) -> Int { (window + 15) / 16 * 16 }

  /// Runs the blocks over `tokens`, which are whole windows of `window` tokens one
  /// after the other, and keeps the normed result for `logits(from:count:_:)`.
  /// Keys and values also go to the first stream of `cache`, if there is one.
  /// In f32, `inputs` gets what goes into each linear layer.
  /// Throws `NetworkError.stopped` once `shouldStop` says so.
  func run(
    _ tokens: ArraySlice<Int32>, window: Int, shouldStop: () -> Bool = { false },
    cache: KeyValueCache? = nil, inputs: InputSums? = nil
  ) throws {
    precondition(tokens.count <= capacity)
    let count = tokens.count
    embed(tokens, window: window)
    for (index, block) in network.blocks.enumerated() {
      if shouldStop() { throw NetworkError.stopped }
      norm(block.attentionNorm, count)
      unsafe inputs?.add(normed.floats, rows: count, columns: configuration.width)
      unsafe block.attention.apply(
        count: count, input: normedInput, output: qkv.floats, with: engine)
      unsafe cache?.store(block: index, qkv: qkv.floats, count: count)
      if shouldStop() { throw NetworkError.stopped }
      for first in stride(from: 0, to: count, by: window) {
        attend(first: first, length: min(window, count - first), block.shape)
      }
      unsafe inputs?.add(mixed.floats, rows: count, columns: block.shape.valueWidth)
      unsafe block.attentionOutput.apply(
        count: count, input: mixedInput(count * block.shape.valueWidth), output: residual.floats,
        .init(adds: true),
        with: engine)
      if shouldStop() { throw NetworkError.stopped }
      norm(block.mlpNorm, count)
      unsafe inputs?.add(normed.floats, rows: count, columns: configuration.width)
      let activation = PackedWeights.Epilogue(
        activation: configuration.activation, isHalf: isHalf)
      unsafe block.mlp.apply(
        count: count, input: normedInput, output: UnsafeMutableRawPointer(hidden.floats),
        activation, with: engine)
      if shouldStop() { throw NetworkError.stopped }
      unsafe inputs?.add(hidden.floats, rows: count, columns: block.mlpOutput.columns)
      unsafe block.mlpOutput.apply(
        count: count, input: UnsafeRawPointer(hidden.floats), output: residual.floats,
        .init(adds: true), with: engine)
    }
    norm(network.finalNorm, count)
    try engine.check()
  }

  /// Logits of `count` rows from row `first` on, `[count, vocabulary]`; good until
  /// the next call. `count` is at most `logitRows`.
  func logits<R>(
    from first: Int, count: Int, _ body: (UnsafePointer<Float>) throws -> R
  ) throws -> R {
    precondition(count <= logitRows)
    let size = isHalf ? 2 : 4
    let input = unsafe normedInput + first * configuration.width * size
    unsafe network.head.apply(count: count, input: input, output: logits.floats, with: engine)
    try engine.check()
    return try unsafe body(logits.floats)
  }

  private var normedInput: UnsafeRawPointer { unsafe UnsafeRawPointer(normed.floats) }

  private func embed(_ tokens: ArraySlice<Int32>, window: Int) {
    let width = configuration.width
    unsafe network.tokenEmbedding.withUnsafeValues { words in
      unsafe network.positionEmbedding.withUnsafeValues { positions in
        let words = unsafe words.baseAddress.unsafelyUnwrapped
        let positions = unsafe positions.baseAddress.unsafelyUnwrapped
        for (row, token) in tokens.enumerated() {
          unsafe pare_sum(
            width, words + Int(token) * width, positions + row % window * width,
            residual.floats + row * width)
        }
      }
    }
  }

  private func norm(_ norm: ReadyNetwork.Norm, _ count: Int) {
    unsafe norm.apply(
      rows: count, width: configuration.width, epsilon: configuration.normEpsilon,
      input: residual.floats, output: isHalf ? nil : normed.floats,
      half: isHalf ? normed.halves : nil)
  }

  /// The `count` values that attention gave, as the output layer reads them.
  private func mixedInput(_ count: Int) -> UnsafeRawPointer {
    guard isHalf else { return unsafe UnsafeRawPointer(mixed.floats) }
    unsafe pare_to_bf16(count, mixed.floats, normed.halves)
    return unsafe normedInput
  }

  /// Causal attention of one window, equally wide heads at once, some queries at a
  /// time; keys behind the last of them are left out.
  private func attend(first: Int, length: Int, _ shape: BlockShape) {
    let stride = ForwardPass.padded(length)
    let scale = 1 / Float(configuration.headWidth).squareRoot()
    let (rowWidth, valueWidth) = (shape.qkvWidth, shape.valueWidth)
    for start in Swift.stride(from: 0, to: length, by: ForwardPass.queryTile) {
      let rows = min(ForwardPass.queryTile, length - start)
      let seen = start + rows
      for run in shape.runs {
        let (count, head) = (run.heads.count, run.head)
        let queries = unsafe qkv.floats + (first + start) * rowWidth + run.firstKey
        let keys = unsafe qkv.floats + first * rowWidth + shape.keyWidth + run.firstKey
        let values = unsafe qkv.floats + first * rowWidth + shape.valueStart + run.firstValue
        let output = unsafe mixed.floats + (first + start) * valueWidth + run.firstValue
        // Without keys all scores are 0.
        if head.keys == 0 {
          unsafe scores.floats.update(repeating: 0, count: count * rows * stride)
        }
        unsafe engine.multiply(
          ProductSize(count: count, m: rows, n: seen, k: head.keys),
          Operand(queries, stride: rowWidth, step: head.keys),
          Operand(keys, stride: rowWidth, step: head.keys, isTransposed: true),
          into: Operand(scores.floats, stride: stride, step: rows * stride),
          ProductForm(isHalf: false))
        for index in 0..<count {
          unsafe pare_causal_softmax(
            rows, seen, stride, start + 1, scale, scores.floats + index * rows * stride)
        }
        unsafe engine.multiply(
          ProductSize(count: count, m: rows, n: head.values, k: seen),
          Operand(scores.floats, stride: stride, step: rows * stride),
          Operand(values, stride: rowWidth, step: head.values),
          into: Operand(output, stride: valueWidth, step: head.values),
          ProductForm(isHalf: false))
      }
    }
  }
}

extension ReadyNetwork.Norm {
  /// Normalises rows of `input` into f32, bf16, or both.
  func apply(
    rows: Int, width: Int, epsilon: Float, input: UnsafePointer<Float>,
    output: UnsafeMutablePointer<Float>?, half: UnsafeMutablePointer<UInt16>?
  ) {
    unsafe withOptionalValues(weight) { weight in
      unsafe withOptionalValues(bias) { bias in
        unsafe pare_layer_norm(rows, width, input, weight, bias, epsilon, output, half)
      }
    }
  }

  private func withOptionalValues(
    _ tensor: Tensor?, _ body: (UnsafePointer<Float>?) -> Void
  ) {
    guard let tensor else { return body(nil) }
    unsafe tensor.withUnsafeValues { unsafe body($0.baseAddress) }
  }
}
