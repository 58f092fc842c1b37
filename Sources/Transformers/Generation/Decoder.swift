internal import CKernels
internal import Tensors

/// Runs one token of each of several streams at a time, with a key-value cache.
/// The threads of a crew share every product by output channels and attention by
/// heads, so the digits do not depend on their number.
@safe
final class Decoder {
  let network: ReadyNetwork
  let cache: KeyValueCache
  private let crew: Crew
  private let engines: [MatrixEngine]
  private let streams: Int
  private let isHalf: Bool
  private let residual: AlignedBuffer
  private let normed: AlignedBuffer
  private let qkv: AlignedBuffer
  private let mixed: AlignedBuffer
  private let hidden: AlignedBuffer
  private let scores: [AlignedBuffer]
  private let logits: AlignedBuffer

  init(_ network: ReadyNetwork, crew: Crew, streams: Int, capacity: Int) throws {
    self.network = network
    self.crew = crew
    self.streams = streams
    let configuration = network.configuration
    let shapes = network.blocks.map(\.shape)
    try WorkingMemory.require(
      [
        [streams, capacity, shapes.reduce(0) { $0 + KeyValueCache.width($1) }],
        [streams, network.hiddenWidth], [streams, configuration.vocabulary],
        [streams, 6, configuration.width], [crew.threads, capacity],
      ], for: "what \(capacity) tokens leave behind")
    isHalf = network.precision == .bf16 && Precision.hasFastBF16
    engines = try (0..<crew.threads).map { _ in try MatrixEngine() }
    cache = KeyValueCache(shapes, streams: streams, capacity: capacity)
    residual = AlignedBuffer(streams * configuration.width)
    normed = AlignedBuffer(streams * configuration.width)
    qkv = AlignedBuffer(streams * 3 * configuration.width)
    mixed = AlignedBuffer(streams * configuration.width)
    hidden = AlignedBuffer(streams * network.hiddenWidth)
    scores = (0..<crew.threads).map { _ in AlignedBuffer(capacity) }
    logits = AlignedBuffer(streams * configuration.vocabulary)
  }

  /// Runs `tokens`, one a stream, at `position`; the cache holds all before it.
  func step(_ tokens: [Int32], position: Int) throws {
    precondition(tokens.count == streams && position < cache.capacity)
    embed(tokens, position)
    let activation = PackedWeights.Epilogue(
      activation: network.configuration.activation, isHalf: isHalf)
    for (index, block) in network.blocks.enumerated() {
      norm(block.attentionNorm)
      unsafe multiply(block.attention, UnsafeRawPointer(normed.floats), qkv.floats)
      attend(block: index, block.shape, position)
      unsafe multiply(
        block.attentionOutput, mixedInput(block.shape.valueWidth), residual.floats,
        .init(adds: true))
      norm(block.mlpNorm)
      unsafe multiply(
        block.mlp, UnsafeRawPointer(normed.floats), UnsafeMutableRawPointer(hidden.floats),
        activation)
      unsafe multiply(
        block.mlpOutput, UnsafeRawPointer(hidden.floats), residual.floats, .init(adds: true))
    }
    norm(network.finalNorm)
    unsafe multiply(network.head, UnsafeRawPointer(normed.floats), logits.floats)
    for engine in engines { try engine.check() }
  }

  /// Logits of a stream after the last step.
  func withLogits<R>(stream: Int, _ body: (UnsafeBufferPointer<Float>) -> R) -> R {
    let vocabulary = network.configuration.vocabulary
    return unsafe body(
      UnsafeBufferPointer(start: logits.floats + stream * vocabulary, count: vocabulary))
  }

  private func embed(_ tokens: [Int32], _ position: Int) {
    let width = network.configuration.width
    unsafe network.tokenEmbedding.withUnsafeValues { words in
      unsafe network.positionEmbedding.withUnsafeValues { positions in
        let words = unsafe words.baseAddress.unsafelyUnwrapped
        let row = unsafe positions.baseAddress.unsafelyUnwrapped + position * width
        for (stream, token) in tokens.enumerated() {
          unsafe pare_sum(
            width, words + Int(token) * width, row, residual.floats + stream * width)
        }
      }
    }
  }

  private func norm(_ norm: ReadyNetwork.Norm) {
    unsafe norm.apply(
      rows: streams, width: network.configuration.width,
      epsilon: network.configuration.normEpsilon, input: residual.floats,
      output: isHalf ? nil : normed.floats, half: isHalf ? normed.halves : nil)
  }

  /// What attention gave, `width` values a stream, as the output layer reads it.
  private func mixedInput(_ width: Int) -> UnsafeRawPointer {
    guard isHalf else { return unsafe UnsafeRawPointer(mixed.floats) }
    unsafe pare_to_bf16(streams * width, mixed.floats, normed.halves)
    return unsafe UnsafeRawPointer(normed.floats)
  }

  private func multiply(
    _ weights: PackedWeights, _ input: UnsafeRawPointer, _ output: UnsafeMutableRawPointer,
    _ epilogue: PackedWeights.Epilogue = .init()
  ) {
    crew.run(weights.groupCount) { worker, group in
      unsafe weights.apply(
        group: group, count: streams, input: input, output: output, epilogue,
        with: engines[worker])
    }
  }

  /// Attention of the newest position, a tile for each head of each stream.
  private func attend(block: Int, _ shape: BlockShape, _ position: Int) {
    let scale = 1 / Float(network.configuration.headWidth).squareRoot()
    let stride = cache.stride(block: block)
    crew.run(streams * shape.heads.count) { worker, tile in
      let (stream, index) = tile.quotientAndRemainder(dividingBy: shape.heads.count)
      let (place, head) = (shape.places[index], shape.heads[index])
      let row = unsafe qkv.floats + stream * shape.qkvWidth
      let keys = unsafe cache.rows(block: block, stream: stream) + place.firstKey
      let values = unsafe keys - place.firstKey + shape.keyWidth + place.firstValue
      unsafe (keys + position * stride).update(
        from: row + shape.keyWidth + place.firstKey, count: head.keys)
      unsafe (values + position * stride).update(
        from: row + shape.valueStart + place.firstValue, count: head.values)
      unsafe pare_attend(
        position + 1, head.keys, head.values, stride, row + place.firstKey, keys, values, scale,
        scores[worker].floats, mixed.floats + stream * shape.valueWidth + place.firstValue)
    }
  }
}
