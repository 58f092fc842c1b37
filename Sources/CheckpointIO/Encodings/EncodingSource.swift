package import Tensors

/// A tensor about to be stored: its values, and which of them lie on a grid or
/// are pruned, all verified.
package struct EncodingSource: Sendable {
  /// Logical orientation.
  let tensor: Tensor
  /// The type that holds all values exactly.
  let dtype: DType
  let isTransposed: Bool
  /// Present when `scale × (code − zero)` is every kept value bit for bit.
  let grid: QuantizationGrid?
  /// Whether it gives the pruned ones as well.
  let gridCoversPruned: Bool
  /// Present when the values lie on a grid of bit depths.
  let channels: ChannelCodes?
  /// Present when the values are those of a file's blocks, or 0.
  let blocks: PrunedBlocks?
  /// Which values are stored when pruned ones are left out: all that are not
  /// +0, and those the parameter's mask keeps although they are 0.
  let kept: Mask
  let keptCount: Int

  package init(_ parameter: Parameter, _ weights: Weights) {
    tensor = weights.values
    isTransposed = parameter.isTransposed
    dtype = StoredNumbers.isExact(tensor, parameter.dtype) ? parameter.dtype : .f32
    kept = Bitmap.kept(of: tensor, mask: weights.mask)
    keptCount = kept.keptCount
    var reach = GridCodes.Reach.none
    if let grid = weights.grid {
      reach = GridCodes.reach(of: grid, over: tensor, kept: kept)
    }
    grid = reach == .none ? nil : weights.grid
    gridCoversPruned = reach == .all
    channels = weights.grid.flatMap { ChannelCodes($0, weights.values) }
    blocks = PrunedBlocks(parameter, weights.values, kept: kept)
  }

  package var facts: TensorFacts {
    TensorFacts(
      count: tensor.shape.count, keptCount: keptCount, dtype: dtype,
      grid: grid.map { grid in
        TensorFacts.Grid(
          bits: grid.bits, groups: grid.scales.count,
          scaleType: GridScales.type(of: grid.scales), zeroType: GridScales.type(of: grid.zeros),
          coversPruned: gridCoversPruned)
      },
      channels: channels.map(TensorFacts.Channels.init),
      blocks: blocks.map(TensorFacts.Blocks.init))
  }
}

/// A stored tensor about to be read: its description and its arrays.
package final class PackedTensor: Sendable {
  let name: String
  let record: PackingRecord
  /// By suffix; the bytes are bounded by the file, their counts are checked.
  let parts: [String: Part]

  package struct Part: Sendable {
    let dtype: DType
    let bytes: Bytes
    var count: Int { bytes.count / dtype.byteCount }

    package init(dtype: DType, bytes: Bytes) {
      self.dtype = dtype
      self.bytes = bytes
    }
  }

  package init(name: String, record: PackingRecord, parts: [String: Part]) {
    self.name = name
    self.record = record
    self.parts = parts
  }

  func part(_ suffix: String) throws(CheckpointError) -> Part {
    guard let part = parts[suffix] else { throw damaged("its array '\(suffix)' is missing") }
    return part
  }

  /// An array that must have one of these types and this many numbers.
  func part(
    _ suffix: String, of types: [DType], count: Int
  ) throws(CheckpointError) -> Part {
    let part = try part(suffix)
    guard types.contains(part.dtype) else {
      throw damaged("its array '\(suffix)' has the type \(part.dtype.rawValue)")
    }
    guard part.count == count else {
      throw damaged("its array '\(suffix)' has \(part.count) numbers instead of \(count)")
    }
    return part
  }

  func damaged(_ reason: String) -> CheckpointError {
    .invalidPacking(tensor: name, reason: reason)
  }

  /// The array as f32.
  func values(_ suffix: String) throws(CheckpointError) -> Tensor {
    let part = try part(suffix)
    return TensorReader(
      bytes: part.bytes, dtype: part.dtype, shape: [part.count], strides: nil,
      isTransposed: false
    ).tensor()
  }

  private func integers(_ suffix: String) throws(CheckpointError) -> [Int32] {
    let part = try part(suffix)
    return (0..<part.count).map { index in
      switch part.dtype {
      case .u8: Int32(part.bytes[index])
      case .i8: Int32(part.bytes.load(Int8.self, at: index))
      case .i16: Int32(part.bytes.load(Int16.self, at: 2 * index))
      default: part.bytes.load(Int32.self, at: 4 * index)
      }
    }
  }

  /// Gives the pages of its arrays back. Throws `CheckpointError.changed`.
  func forgetParts() throws(CheckpointError) {
    for part in parts.values {
      try part.bytes.check()
      part.bytes.forget()
    }
  }

  /// What a grid is made of: its description, and a scale and maybe a zero point a group.
  func gridParts() throws(CheckpointError) -> (GridLayout, scales: Part, zeros: Part?) {
    guard let layout = record.grid else { throw damaged("its grid is not described") }
    let groups = layout.groups(in: record.shape)
    let scales = try part("scales", of: [.f32, .f16, .bf16], count: groups)
    if parts["zeros"] == nil { return (layout, scales, nil) }
    return (layout, scales, try part("zeros", of: [.u8, .i8, .i16, .i32], count: groups))
  }

  func grid() throws(CheckpointError) -> QuantizationGrid {
    let (layout, _, storedZeros) = try gridParts()
    let scales = try values("scales").array
    let zeros = try storedZeros == nil ? [] : integers("zeros")
    return QuantizationGrid(
      bits: layout.bits, codes: layout.codes, groupSize: layout.groupSize, scales: scales,
      zeros: zeros, isBinary: layout.isBinary)
  }
}
