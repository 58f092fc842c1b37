public import Tensors

/// How a parameter will be packed, known from one read of it, and what its bytes depend on once
/// more of its weights are pruned.
public struct PackedFacts: Sendable {
  let planned: PlannedTensor
  private let facts: TensorFacts
  /// Of the blocks whose codes its kept weights have.
  private let format: BlockFormat?

  /// Weights of a block of the file whose codes the kept weights have; nil if they have none.
  public var blockLength: Int? { format?.weightCount }

  /// The facts of a parameter: one of `checkpoint`, or one that passes have changed.
  public init(of parameter: Parameter, _ weights: Weights, in checkpoint: Checkpoint) {
    let isUntouched = checkpoint.parameters[parameter.name]?.isIdentical(to: parameter) == true
    guard isUntouched, let format = parameter.blocks,
      let byteCount = format.byteCount(of: parameter.shape)
    else {
      let source = EncodingSource(parameter, weights)
      (facts, format) = (source.facts, source.blocks?.format)
      planned = PlannedTensor(parameter, source)
      return
    }
    // As `PrunedBlocks` finds when it reads the blocks again.
    let count = parameter.shape.count
    self.format = parameter.isTransposed ? nil : format
    facts = TensorFacts(
      count: count, keptCount: count,
      dtype: StoredNumbers.isExact(weights.values, parameter.dtype) ? parameter.dtype : .f32,
      blocks: self.format.map {
        TensorFacts.Blocks($0, byteCount: byteCount, live: count / $0.weightCount)
      })
    planned = PlannedTensor(parameter, facts, blocks: self.format)
  }

  /// The same with fewer weights, some not 0 among those that went; `liveBlocks` have a weight
  /// left. Precondition: the weights lie on no quantizer's grid.
  func planned(_ parameter: Parameter, kept: Int, liveBlocks: Int) -> PlannedTensor {
    var facts = facts
    facts.keptCount = kept
    facts.blocks = format.map { format in
      let coding = BlockCoding.of(format)
      let holdZeros = coding?.zero != nil || liveBlocks * format.weightCount == kept
      return TensorFacts.Blocks(
        format, byteCount: holdZeros ? format.byteCount(of: parameter.shape) : nil,
        live: liveBlocks)
    }
    return PlannedTensor(parameter, facts, blocks: format)
  }
}

extension TensorFacts.Blocks {
  fileprivate init(_ format: BlockFormat, byteCount: Int?, live: Int) {
    let coding = BlockCoding.of(format)
    self.byteCount = byteCount
    codeBits = coding?.bits
    sideByteCount = live * (coding?.sideByteCount ?? format.byteCount)
  }
}

/// How many bytes a packed file takes after some of its tensors are pruned further. Reads no weights;
/// the answer is what `SavePlan` would find.
public struct PackedSize: Sendable {
  private let tensors: [PlannedTensor]
  private let positions: [String: Int]
  /// Of the header's metadata, without what says how tensors are packed.
  private let pairsByteCount: Int

  /// Sizes of the files that differ from a packed one in pruned tensors alone.
  public init(_ plan: SavePlan) {
    tensors = plan.tensors
    positions = Dictionary(
      plan.tensors.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { $1 })
    var metadata = plan.metadata
    for tensor in plan.tensors { metadata[tensor.name] = nil }
    metadata[PackingRecord.metadataKey] = nil
    pairsByteCount = SafetensorsHeader.pairs(metadata).utf8.count + (metadata.isEmpty ? 0 : 1)
  }

  /// A tensor that is pruned.
  public struct Pruned: Sendable {
    let parameter: Parameter
    let facts: PackedFacts
    let kept: Int
    let liveBlocks: Int

    /// `kept` weights stay, and at least one in each of `liveBlocks` of the file's blocks.
    public init(_ parameter: Parameter, _ facts: PackedFacts, kept: Int, liveBlocks: Int) {
      self.parameter = parameter
      self.facts = facts
      self.kept = kept
      self.liveBlocks = liveBlocks
    }
  }

  /// Bytes of the file, header included, and of each tensor by name. O(tensors).
  public func byteCounts(with pruned: [Pruned]) -> (file: Int, tensors: [String: Int]) {
    var tensors = tensors
    for tensor in pruned {
      guard let position = positions[tensor.parameter.name] else { continue }
      tensors[position] = tensor.facts.planned(
        tensor.parameter, kept: tensor.kept, liveBlocks: tensor.liveBlocks)
    }
    let dataCount = PlannedTensor.layOut(&tensors)
    let records = tensors.compactMap { tensor in tensor.record.map { (tensor.name, $0) } }
    let packing =
      records.isEmpty
      ? "" : SafetensorsHeader.pairs([PackingRecord.metadataKey: PackingRecord.metadata(records)])
    let pairs = packing.isEmpty ? max(pairsByteCount - 1, 0) : pairsByteCount + packing.utf8.count
    return (
      SafetensorsHeader.byteCount(tensors, pairsByteCount: pairs) + dataCount,
      Dictionary(tensors.map { ($0.name, $0.entry.byteCount) }, uniquingKeysWith: { $1 })
    )
  }
}
