public import Models
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
    /// The type of the stored values; of an encoding, the type it decodes to.
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
  /// What the file will not hold as the checkpoint has it, `omissions` among it.
  public let losses: [SaveLoss]
  /// Of the layers with bit depths, where there are such and the form is packed.
  public let channelSizes: ChannelSizes?

  let tensors: [PlannedTensor]
  let header: [UInt8]
  /// Without what says how tensors are packed.
  let metadata: [String: String]
  let source: Checkpoint?

  /// Plans a file of `parameters`. From `checkpoint`, which they came from,
  /// metadata, configuration, vocabulary and tensors that are no weights are
  /// carried over; `metadata` adds to them. Of a packed file, parameters that are
  /// `known` are not read. `progress` gets a fraction and a tensor's name.
  ///
  /// Throws what reading a tensor throws, `CheckpointError.duplicateTensor` and
  /// `.headerTooLong` for what no reader would take, and `CheckpointError.stopped` once
  /// `shouldStop` says so, which is asked before each tensor and
  /// while it is read.
  public static func make(
    parameters: Parameters, of checkpoint: Checkpoint? = nil, metadata: [String: String] = [:],
    form: SaveForm, known: [String: PackedFacts] = [:],
    progress: (Double, String) -> Void = { _, _ in },
    shouldStop: @Sendable () -> Bool = { false }
  ) throws -> SavePlan {
    let gathered = try GatheredTensors(
      parameters, of: checkpoint, form: form, holder: .safetensors, known: known,
      progress: progress, shouldStop: shouldStop)
    var whole = SavedMetadata.of(checkpoint, adding: metadata)
    if form == .packed {
      whole[StackedExperts.metadataKey] = StackedExperts.metadata(of: checkpoint?.stacks ?? [])
    }
    let plan = try SavePlan(
      gathered.tensors, metadata: whole, omissions: gathered.omissions, losses: gathered.losses,
      source: checkpoint)
    progress(1, "")
    return plan
  }

  /// Lays tensors out in one file. Throws as `make`.
  init(
    _ tensors: [PlannedTensor], metadata: [String: String], omissions: [String],
    losses: [SaveLoss], source: Checkpoint?
  ) throws(CheckpointError) {
    var tensors = tensors
    let dataCount = PlannedTensor.layOut(&tensors)
    try SafetensorsHeader.checkNames(tensors)
    var whole = metadata
    // Second names are told of tensors that are not there themselves.
    for tensor in tensors { whole[tensor.name] = nil }
    let records = tensors.compactMap { tensor in tensor.record.map { (tensor.name, $0) } }
    if !records.isEmpty { whole[PackingRecord.metadataKey] = PackingRecord.metadata(records) }
    header = try SafetensorsHeader.bytes(tensors, metadata: whole)
    entries = tensors.map(\.entry)
    byteCount = header.count + dataCount
    channelSizes = ChannelSizes(sum: tensors.compactMap(\.channelSizes))
    self.metadata = metadata
    self.omissions = omissions
    self.losses = losses
    self.tensors = tensors
    self.source = source
  }
}

extension SavePlan {
  /// Bytes of one tensor in the packed form, from its weights.
  public static func packedByteCount(of parameter: Parameter, _ weights: Weights) -> Int {
    packing(of: parameter, weights).byteCount
  }

  /// The same, and the format of the file's blocks whose codes and scales the packed form
  /// keeps, also behind a mask; nil if the weights are not in blocks, or a pass changed them.
  public static func packing(
    of parameter: Parameter, _ weights: Weights
  ) -> (byteCount: Int, blocks: BlockFormat?) {
    if let format = parameter.blocks, let count = format.byteCount(of: parameter.shape) {
      return (count, format)
    }
    let planned = PlannedTensor(parameter, weights, .packed)
    return (planned.entry.byteCount, planned.record?.blocks)
  }

  /// What a file made of `checkpoint` says of its model beside the weights:
  /// metadata, configuration and vocabulary, to be given to `make` again.
  public static func metadata(of checkpoint: Checkpoint) -> [String: String] {
    SavedMetadata.of(checkpoint, adding: [:])
  }

  /// The settings of a model that passes made of `checkpoint`, where they are others than its
  /// own, to be given to `make`.
  public static func metadata(
    of model: ModelState, from checkpoint: Checkpoint
  ) -> [String: String] {
    model.configuration == checkpoint.configuration
      ? [:] : SavedMetadata.settings(model.configuration)
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
