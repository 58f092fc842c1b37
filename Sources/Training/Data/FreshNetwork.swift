internal import Glibc
internal import Models
public import Tensors

/// The size of a GPT that is to be made.
public struct NetworkShape: Sendable, Hashable, Codable {
  public var blocks: Int
  public var heads: Int
  /// Of the residual stream.
  public var width: Int
  public var context: Int

  public init(blocks: Int, heads: Int, width: Int, context: Int) {
    self.blocks = blocks
    self.heads = heads
    self.width = width
    self.context = context
  }

  /// Throws `TrainingError.badSetting`.
  public func check() throws {
    let limits = [
      ("blocks", blocks, 1024), ("heads", heads, 1024), ("width", width, 65536),
      ("context", context, 65536),
    ]
    for (name, value, limit) in limits where !(1...limit).contains(value) {
      throw TrainingError.badSetting("\(name) is a whole number from 1 to \(limit), not \(value).")
    }
    guard width.isMultiple(of: heads) else {
      throw TrainingError.badSetting("\(heads) heads do not divide a width of \(width).")
    }
  }

  /// Weights of a network of this size.
  public func weights(vocabulary: Int) -> Int {
    (vocabulary + context + 1 + blocks * 2) * width + blocks * 12 * width * width
  }

  /// Its settings as nanoGPT calls them.
  public func configuration(vocabulary: Int) -> [String: String] {
    [
      "n_layer": String(blocks), "n_head": String(heads), "n_embd": String(width),
      "block_size": String(context), "vocab_size": String(vocabulary), "bias": "false",
    ]
  }
}

/// A GPT that has not learnt anything, with nanoGPT's names and first values: weights
/// normal with deviation 0.02, in layers that write to the residual stream 0.02 / √(2 × blocks);
/// norms 1; no bias; the head is the token embedding.
public enum FreshNetwork {
  private static let deviation: Float = 0.02

  /// Its parameters; the same seed, the same values. Throws
  /// `TrainingError.badSetting`.
  public static func parameters(
    _ shape: NetworkShape, vocabulary: Int, seed: UInt64
  ) throws -> Parameters {
    try shape.check()
    let specs = ModelCatalog.newGPT(
      blocks: shape.blocks, width: shape.width, context: shape.context, vocabulary: vocabulary)
    let output = deviation / Float(2 * shape.blocks).squareRoot()
    return Parameters(
      specs.enumerated().map { number, spec in
        let spread: Float? =
          switch (spec.place.role, spec.id.role) {
          case (.norm, _): nil
          case (_, .attentionOutput), (_, .down): output
          default: deviation
          }
        let tensor = values(spec.shape, deviation: spread, seed, number: UInt64(number))
        return Parameter(
          name: spec.name, shape: spec.shape, dtype: .f32, place: spec.place, load: { tensor })
      })
  }

  /// Normal with that deviation, or all 1.
  private static func values(
    _ shape: Shape, deviation: Float?, _ seed: UInt64, number: UInt64
  ) -> Tensor {
    unsafe Tensor(shape) { target in
      for index in 0..<target.count {
        let value = deviation.map { $0 * normal(seed, number, UInt64(index)) } ?? 1
        unsafe (target.baseAddress.unsafelyUnwrapped + index).initialize(to: value)
      }
    }
  }

  /// A standard normal number (Box and Muller, 1958) for two counters.
  static func normal(_ seed: UInt64, _ first: UInt64, _ second: UInt64) -> Float {
    let hash = SeedPurpose.weights.hash(seed, first, second)
    // Both halves to (0, 1]: no logarithm of 0.
    let radius = (Double(hash >> 32) + 1) * 0x1p-32
    let turn = (Double(hash & 0xFFFF_FFFF) + 1) * 0x1p-32
    return Float((-2 * log(radius)).squareRoot() * cos(2 * .pi * turn))
  }
}
