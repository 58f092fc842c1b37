public import Tensors

/// How the weights of a saved file are stored.
public enum SaveForm: Sendable, Hashable {
  /// Every value at a type; nil keeps each tensor's own type where that holds
  /// every value exactly and takes f32 where it does not. A named type rounds
  /// to nearest.
  case dense(DType?)
  /// Each tensor in the smallest encoding that gives it back bit for bit.
  case packed
}

/// Everything about a file that is going to be written: its size, and how each
/// tensor will be stored. Making the plan reads the weights and writes nothing.
public struct SavePlan: Sendable {
  /// One tensor of the file.
  public struct Entry: Sendable, Hashable {
    public let name: String
    /// A name of `EncodingCatalog`.
    public let encoding: String
    /// The type of the stored values, or of what an encoding stands for.
    public let dtypeName: String
    /// Logical shape.
    public let shape: Shape
    /// All its arrays together, without the header.
    public let byteCount: Int
  }

  /// The tensors in the order of the file.
  public let entries: [Entry]
  /// Exactly what the file will take, header included.
  public let byteCount: Int
  /// What the file will not have, such as optimizer state.
  public let omissions: [String]
  /// Of the layers with bit depths, where there are such and the form is packed.
  public let channelSizes: ChannelSizes?

  let tensors: [PlannedTensor]
  let header: [UInt8]
  let source: Checkpoint?

  /// Plans a file of `parameters`. From `checkpoint`, which they came from,
  /// metadata, configuration, vocabulary and tensors that are no weights are
  /// carried over; `metadata` adds to them. `progress` gets a fraction and a
  /// tensor's name.
  ///
  /// Throws what reading a tensor throws, `CheckpointError.duplicateTensor` and
  /// `.headerTooLong` for what no reader would take, and `CheckpointError.stopped` once
  /// `shouldStop` says so, which is asked before each tensor and
  /// while it is read.
  public static func make(
    parameters: Parameters, of checkpoint: Checkpoint? = nil, metadata: [String: String] = [:],
    form: SaveForm, progress: (Double, String) -> Void = { _, _ in },
    shouldStop: @Sendable () -> Bool = { false }
  ) throws -> SavePlan {
    let carried = CarriedTensors(checkpoint, parameters)
    var tensors: [PlannedTensor] = []
    let total = Double(max(1, parameters.count + carried.others.count))
    for parameter in parameters {
      if shouldStop() { throw CheckpointError.stopped }
      progress(Double(tensors.count) / total, parameter.name)
      if let raw = carried.raw[parameter.name], !parameter.dtype.isFloatingPoint {
        tensors.append(PlannedTensor(raw: raw))
      } else {
        tensors.append(try PlannedTensor(parameter, form, shouldStop))
      }
    }
    tensors += carried.others.map { PlannedTensor(raw: $0) }
    let metadata = SavedMetadata.of(checkpoint, adding: metadata, tensors)
    let dataCount = PlannedTensor.layOut(&tensors)
    try SafetensorsHeader.checkNames(tensors)
    let header = try SafetensorsHeader.bytes(tensors, metadata: metadata)
    progress(1, "")
    return SavePlan(
      entries: tensors.map(\.entry), byteCount: header.count + dataCount,
      omissions: carried.omissions,
      channelSizes: ChannelSizes(sum: tensors.compactMap(\.channelSizes)),
      tensors: tensors, header: header, source: checkpoint)
  }
}

extension SavePlan {
  /// Bytes of one tensor in the packed form, from its weights.
  public static func packedByteCount(of parameter: Parameter, _ weights: Weights) -> Int {
    PlannedTensor(parameter, weights, .packed).entry.byteCount
  }
}

/// What a checkpoint has beside the weights that passes change.
private struct CarriedTensors {
  /// Arrays to be copied byte for byte, by name: integers and truth values.
  private(set) var raw: [String: IndexedTensor] = [:]
  /// Those of them that no parameter stands for.
  private(set) var others: [IndexedTensor] = []
  private(set) var omissions: [String] = []

  init(_ checkpoint: Checkpoint?, _ parameters: Parameters) {
    guard let checkpoint else { return }
    var trainingState = 0
    for tensor in checkpoint.stored {
      if tensor.isOptimizer {
        trainingState += 1
      } else if let dtype = tensor.dtype {
        if !dtype.isFloatingPoint { raw[tensor.name] = tensor }
      } else if tensor.strides == nil, SafetensorsFormat.isListable(tensor.dtypeName) {
        others.append(tensor)
      } else {
        omissions.append("tensor \(tensor.name.quoted): safetensors has no \(tensor.dtypeName)")
      }
    }
    if trainingState > 0 { omissions.append("\(trainingState) tensors of training state") }
  }
}

extension SavePlan {
  /// What a file made of `checkpoint` says of its model beside the weights:
  /// metadata, configuration and vocabulary, to be given to `make` again.
  public static func metadata(of checkpoint: Checkpoint) -> [String: String] {
    SavedMetadata.of(checkpoint, adding: [:], [])
  }

  /// The same of a model that comes from no checkpoint.
  public static func metadata(
    configuration: [String: String], vocabulary: [String]
  ) -> [String: String] {
    [
      MetadataConventions.configuration: JSONText.object(configuration),
      MetadataConventions.vocabulary: JSONText.array(vocabulary),
    ]
  }
}

/// The metadata of a saved file.
private enum SavedMetadata {
  static func of(
    _ checkpoint: Checkpoint?, adding more: [String: String], _ tensors: [PlannedTensor]
  ) -> [String: String] {
    var metadata = checkpoint?.metadata ?? [:]
    metadata[PackingRecord.metadataKey] = nil
    // What Hugging Face's loaders ask for: tensors as PyTorch lays them out.
    metadata["format"] = metadata["format"] ?? "pt"
    if let checkpoint {
      var configuration = checkpoint.configuration
      metadata[MetadataConventions.blocks] = configuration.removeValue(
        forKey: MetadataConventions.blocks)
      if !configuration.isEmpty {
        metadata[MetadataConventions.configuration] = JSONText.object(configuration)
      }
      if let vocabulary = checkpoint.vocabulary {
        metadata[MetadataConventions.vocabulary] = JSONText.array(vocabulary)
      }
      // As safetensors.torch does it: the second name of a shared tensor.
      for tensor in checkpoint.stored where !tensor.isOptimizer {
        if let other = tensor.sharesStorageOf { metadata[tensor.name] = other }
      }
    }
    metadata.merge(more) { $1 }
    let records = tensors.compactMap { tensor in tensor.record.map { (tensor.name, $0) } }
    if !records.isEmpty { metadata[PackingRecord.metadataKey] = PackingRecord.metadata(records) }
    return metadata
  }
}
