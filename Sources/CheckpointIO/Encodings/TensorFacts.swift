public import Tensors

/// What the size of a stored tensor depends on. Known without encoding
/// anything, so that a dial can show bytes while it is dragged.
public struct TensorFacts: Sendable, Hashable {
  /// What a grid adds.
  public struct Grid: Sendable, Hashable {
    /// Bits of a code.
    public var bits: Int
    /// Scales.
    public var groups: Int
    /// The narrowest type that holds every scale exactly.
    public var scaleType: DType
    /// The narrowest type that holds every zero point; nil where all are 0.
    public var zeroType: DType?
    /// Whether pruned weights, which are 0, lie on the grid as well. On a
    /// binary grid they do not.
    public var coversPruned: Bool

    public init(
      bits: Int, groups: Int, scaleType: DType = .f32, zeroType: DType? = nil,
      coversPruned: Bool = true
    ) {
      self.coversPruned = coversPruned
      self.bits = bits
      self.groups = groups
      self.scaleType = scaleType
      self.zeroType = zeroType
    }
  }

  /// What channels of bit depths of their own take; known only from their codes.
  public struct Channels: Sendable, Hashable {
    /// Bytes with codes of as many bits as a row's levels need.
    public var packedByteCount: Int
    /// Bytes with codes of as many bits as they are surprising; nil where a row
    /// has too many levels for that.
    public var codedByteCount: Int?
    /// The same in bits, by what they are spent on.
    public var sizes: ChannelSizes

    init(_ channels: ChannelCodes) {
      packedByteCount = ChannelsEncoding.byteCount(of: channels)
      codedByteCount = CodedChannelsEncoding.bytes(of: channels)?.count
      sizes = ChannelSizes(of: channels, packedByteCount, codedByteCount)
    }
  }

  /// What keeping the blocks of a file takes.
  public struct Blocks: Sendable, Hashable {
    /// Bytes of all blocks; nil where these cannot hold the weights that are 0.
    public var byteCount: Int?
    /// Bits of a weight's code; nil where weights share bits.
    public var codeBits: Int?
    /// Bytes that are not codes, such as scales, of the blocks in which a weight is kept.
    public var sideByteCount: Int

    init(_ blocks: PrunedBlocks) {
      byteCount = blocks.holdZeros ? blocks.stored.count : nil
      codeBits = blocks.coding?.bits
      sideByteCount = blocks.sideByteCount
    }
  }

  /// Number of values.
  public var count: Int
  /// How many are stored when pruned ones are left out.
  public var keptCount: Int
  /// The type that holds all values exactly.
  public var dtype: DType
  /// Present when every kept value lies on the grid.
  public var grid: Grid?
  /// Present when every value lies on a grid of bit depths.
  public var channels: Channels?
  /// Present when kept values are those of a file's blocks.
  public var blocks: Blocks?

  public init(
    count: Int, keptCount: Int, dtype: DType, grid: Grid? = nil, channels: Channels? = nil,
    blocks: Blocks? = nil
  ) {
    self.blocks = blocks
    self.channels = channels
    self.count = count
    self.keptCount = keptCount
    self.dtype = dtype
    self.grid = grid
  }
}

/// One stored array of an encoded tensor: `NAME.pare.SUFFIX` in the file, or
/// `NAME` itself where the suffix is empty.
package struct StoredPart: Sendable, Hashable {
  package var suffix: String
  package var dtype: DType
  package var count: Int
  package var byteCount: Int { count * dtype.byteCount }
}

/// The ways to store a tensor. To add one, write `Encodings/MyEncoding.swift`
/// and a line here.
public enum EncodingCatalog {
  package static let all: [any StorageEncoding.Type] = [
    DenseEncoding.self,
    BitmapEncoding.self,
    PackedEncoding.self,
    BitmapPackedEncoding.self,
    ChannelsEncoding.self,
    CodedChannelsEncoding.self,
    BlocksEncoding.self,
    BitmapBlocksEncoding.self,
  ]

  /// Those that keep bit depths and exponents.
  private static let ofChannels = [ChannelsEncoding.name, CodedChannelsEncoding.name]

  /// The encodings' names, for help and tables.
  public static var names: [String] { all.map { $0.name } }

  /// Bytes a tensor takes in each encoding that can hold it, without the
  /// file's header.
  public static func byteCounts(_ facts: TensorFacts) -> [(name: String, byteCount: Int)] {
    all.compactMap { encoding in
      encoding.parts(facts).map { parts in
        (encoding.name, parts.reduce(0) { $0 + $1.byteCount })
      }
    }
  }

  /// The smallest of them.
  public static func smallest(_ facts: TensorFacts) -> (name: String, byteCount: Int) {
    byteCounts(facts).min { $0.byteCount < $1.byteCount } ?? ("dense", 0)
  }

  static func named(_ name: String) -> (any StorageEncoding.Type)? {
    all.first { $0.name == name }
  }

  /// The smallest encoding, what each part costs in the header counted in; of a
  /// tensor that has bit depths, the smallest that keeps them.
  static func best(_ facts: TensorFacts) -> any StorageEncoding.Type {
    let headerBytesOfAPart = 96
    var best: any StorageEncoding.Type = DenseEncoding.self
    var least = Int.max
    for encoding in all {
      guard facts.channels == nil || ofChannels.contains(encoding.name),
        let parts = encoding.parts(facts)
      else { continue }
      let byteCount = parts.reduce(0) { $0 + $1.byteCount + headerBytesOfAPart }
      if byteCount < least { (best, least) = (encoding, byteCount) }
    }
    return best
  }
}

/// One way to store a tensor's values: which arrays it makes of them, and back.
/// `decode(encode(x))` is `x` bit for bit, or `encode` is never called; only a 0 may have
/// the sign of the scale of its block.
package protocol StorageEncoding: Sendable {
  static var name: String { get }
  /// Whether scales are among the arrays, and the metadata describes their grid.
  static var hasGrid: Bool { get }
  /// Whether the arrays are of a format's blocks, which the metadata names.
  static var hasBlocks: Bool { get }
  /// The arrays it would store; nil where it cannot hold the values.
  static func parts(_ facts: TensorFacts) -> [StoredPart]?
  /// The arrays' bytes, in the order of `parts`.
  static func encode(_ source: EncodingSource) -> [Bytes]
  /// Checks what can be checked without reading: the arrays' types and sizes.
  static func check(_ stored: PackedTensor) throws(CheckpointError)
  /// The grid that the values lie on, if they do; reads no codes.
  static func grid(of stored: PackedTensor) throws(CheckpointError) -> QuantizationGrid?
  /// The blocks again, of an encoding of blocks.
  static func blocks(of stored: PackedTensor) throws(CheckpointError) -> [UInt8]
  /// The values again, in logical orientation.
  static func decode(_ stored: PackedTensor) throws(CheckpointError) -> Tensor
  /// Reads rows of the values; nil where only the whole can be decoded.
  static func rows(of stored: PackedTensor) throws(CheckpointError) -> (any RowReader)?
}

extension StorageEncoding {
  package static var hasGrid: Bool { false }
  package static var hasBlocks: Bool { false }

  package static func blocks(of stored: PackedTensor) throws(CheckpointError) -> [UInt8] { [] }

  package static func rows(
    of stored: PackedTensor
  ) throws(CheckpointError) -> (any RowReader)? { nil }

  /// The one that the metadata describes, of an encoding that stores its scales.
  package static func grid(
    of stored: PackedTensor
  ) throws(CheckpointError) -> QuantizationGrid? {
    hasGrid ? try stored.grid() : nil
  }
}
