internal import Glibc
public import Tensors

/// How large self-compressed layers are, in the four ways that are easily taken
/// for one another. None of them includes the other tensors or a file's header:
/// the true bytes of a file are the file's.
public struct ChannelSizes: Sendable, Hashable, Codable {
  /// Weights of the layers, those of dead channels counted.
  public var weights = 0
  /// Output channels, and how many of them have no bits left.
  public var channels = 0
  public var deadChannels = 0
  /// Σ fan-in × b: the paper's size (equation 4), which no file attains.
  public var depthBits = 0.0
  /// Bits of the codes, each of as many as its channel's levels need.
  public var codeBits = 0
  /// Bits of all that says how to read those codes: depths, exponents, what is
  /// live.
  public var sideBits = 0
  /// Σ −log2 p of the codes, p being how often a code occurs among the channels
  /// of the same number of levels in its layer.
  public var entropyBits = 0.0
  /// Bits of the encoding `channels+coded`, side data included; of `channels`
  /// where a layer has too many levels for it.
  public var codedBits = 0

  /// Q, the mean bit depth (equation 3): the paper's bits per weight.
  public var meanDepth: Double { perWeight(depthBits) }
  /// Codes of fixed width and side data, per weight.
  public var packedBitsPerWeight: Double { perWeight(Double(codeBits + sideBits)) }
  /// Entropy of the codes alone, per weight.
  public var entropyPerWeight: Double { perWeight(entropyBits) }
  /// What the entropy coder makes of codes and side data, per weight.
  public var codedBitsPerWeight: Double { perWeight(Double(codedBits)) }
  /// Side data of the packed form, per weight.
  public var sideBitsPerWeight: Double { perWeight(Double(sideBits)) }

  private func perWeight(_ bits: Double) -> Double { weights == 0 ? 0 : bits / Double(weights) }

  /// The sizes of those of `parameters` that have bit depths, one tensor in memory
  /// at a time; nil if no parameter has bit depths. Throws what reading a tensor throws, and
  /// `CheckpointError.stopped`.
  public init?(
    of parameters: some Sequence<Parameter>, shouldStop: () -> Bool = { false }
  ) throws {
    var layers: [ChannelSizes] = []
    for parameter in parameters where parameter.grid?.hasDepths == true {
      if shouldStop() { throw CheckpointError.stopped }
      guard let grid = parameter.grid else { continue }
      ChannelCodes(grid, try parameter.tensor()).map {
        layers.append(TensorFacts.Channels($0).sizes)
      }
    }
    self.init(sum: layers)
  }

  /// Several layers together; nil if `layers` is empty.
  init?(sum layers: [ChannelSizes]) {
    guard !layers.isEmpty else { return nil }
    for layer in layers {
      weights += layer.weights
      channels += layer.channels
      deadChannels += layer.deadChannels
      depthBits += layer.depthBits
      codeBits += layer.codeBits
      sideBits += layer.sideBits
      entropyBits += layer.entropyBits
      codedBits += layer.codedBits
    }
  }

  init(of layer: ChannelCodes, _ packedByteCount: Int, _ codedByteCount: Int?) {
    weights = layer.shape.count
    channels = layer.shape.rows
    deadChannels = channels - layer.rowsOfDepth.count
    depthBits = layer.depths.reduce(0) { $0 + Double($1) } * Double(layer.shape.columns)
    codeBits = layer.codeBits
    sideBits = 8 * packedByteCount - codeBits
    codedBits = 8 * (codedByteCount ?? packedByteCount)
    entropyBits = Self.entropy(of: layer)
  }

  private static func entropy(of layer: ChannelCodes) -> Double {
    var tables: [Int: CodeTable] = [:]
    for (position, row) in layer.liveRows.enumerated() {
      let table = CodeTable(of: layer.codes(ofLive: position))
      let levels = layer.codeRange(ofRow: row).count
      tables[levels] = tables[levels].map { $0 + table } ?? table
    }
    // What the codes leave out is 0 all the same.
    var zeros: [Int: Int] = [:]
    let live = Set(layer.liveRows)
    for row in layer.rowsOfDepth {
      let codes = live.contains(row) ? layer.liveColumnCount : 0
      zeros[layer.codeRange(ofRow: row).count, default: 0] += layer.shape.columns - codes
    }
    return zeros.sorted { $0.key < $1.key }.reduce(0) { sum, entry in
      let none = CodeTable(lowest: 0, counts: [entry.value])
      return sum + (tables[entry.key].map { $0 + none } ?? none).entropy
    }
  }
}
