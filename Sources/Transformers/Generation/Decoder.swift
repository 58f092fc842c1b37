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
    try WorkingMemory.require(
      [
        [configuration.blocks, streams, capacity, 2, configuration.width],
        [streams, network.hiddenWidth], [streams, configuration.vocabulary],
        [streams, 6, configuration.width], [crew.threads, capacity],
      ], for: "what \(capacity) tokens leave behind")
    isHalf = network.precision == .bf16 && Precision.hasFastBF16
    engines = try (0..<crew.threads).map { _ in try MatrixEngine() }
    cache = KeyValueCache(configuration, streams: streams, capacity: capacity)
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
      attend(block: index, position)
      unsafe multiply(block.attentionOutput, mixedInput, residual.floats, .init(adds: true))
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

  private var mixedInput: UnsafeRawPointer {
    guard isHalf else { return unsafe UnsafeRawPointer(mixed.floats) }
    unsafe pare_to_bf16(streams * network.configuration.width, mixed.floats, normed.halves)
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
  private func attend(block: Int, _ position: Int) {
    let configuration = network.configuration
    let (width, head) = (configuration.width, configuration.headWidth)
    let scale = 1 / Float(head).squareRoot()
    crew.run(streams * configuration.heads) { worker, tile in
      let (stream, index) = tile.quotientAndRemainder(dividingBy: configuration.heads)
      let query = unsafe qkv.floats + stream * 3 * width + index * head
      let keys = unsafe cache.rows(block: block, stream: stream) + index * head
      let newest = unsafe keys + position * cache.stride
      unsafe newest.update(from: query + width, count: head)
      unsafe (newest + width).update(from: query + 2 * width, count: head)
      unsafe pare_attend(
        position + 1, head, cache.stride, query, keys, keys + width, scale,
        scores[worker].floats, mixed.floats + stream * width + index * head)
    }
  }
}
