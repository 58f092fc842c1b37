internal import Glibc
public import Models
public import Tensors

/// A checkpoint that is open: its headers are read, its weights wait in the
/// mapped file until they are asked for.
public final class Checkpoint: Sendable {
  /// Where the file is, of shards their index; nil for the checkpoint inside the
  /// program.
  public let path: String?
  /// The last component of the path, to show; of a folder and of shards the
  /// folder's name.
  public let name: String
  /// `safetensors`, `pytorch`, `gguf`, `npy` or `npz`; of shards, theirs.
  public let format: String
  /// Of all files, where a checkpoint is split.
  public let fileByteCount: Int
  /// Every tensor the file lists, in its order.
  public let tensors: [TensorInfo]
  /// The file's own key-value pairs.
  public let metadata: [String: String]
  /// The network's settings under flat names: `n_layer`, `n_head`, `n_embd`,
  /// `block_size`, `vocab_size`, `bias`, `model_type` and whatever else the
  /// metadata, PyTorch's `model_args` or a `config.json` beside the file says.
  public let configuration: [String: String]
  /// The text of each token, by its number, where the file knows it.
  public let vocabulary: [String]?
  /// The typed metadata of a GGUF file, its tokenizer's tables among them; also of a
  /// file that Pare made of one.
  public let gguf: GGUFMetadata?
  /// What is odd about the file without making it unusable.
  public let warnings: [String]
  /// The codes whose layout is not read; nil where there are none. See `refuseUnreadCodes`.
  public let unreadCodes: UnreadCodes?
  /// The weights as the other floors see them: roles and places resolved,
  /// linear layers `[out, in]`, packed tensors decoded on demand. Optimizer
  /// state, unreadable types and second names of one storage are left out. Made when
  /// they are first asked for. O(n) then.
  public var parameters: Parameters { lazyParameters.value }
  /// Made when it is first asked for. O(n) then.
  public var blockMap: BlockMap { lazyBlockMap.value }
  /// What passes leave alone unless it is named, in a few words: `18 matrices of
  /// model.vision_tower.encoder.layers, 4 convolutions`; nil where there is nothing. O(n) when
  /// it is first asked for.
  public var leftAlone: String? { lazyLeftAlone.value }
  /// Its parameters and its settings.
  public var model: ModelState { ModelState(parameters, configuration: configuration) }
  private let lazyLeftAlone: Lazy<String?>
  /// Optimizer state, which a resumed training run reads. Made when it is first asked for:
  /// O(n).
  package var trainingState: Parameters { lazyTrainingState.value }
  private let lazyTrainingState: Lazy<Parameters>
  private let lazyParameters: Lazy<Parameters>
  private let lazyBlockMap: Lazy<BlockMap>
  /// What is copied as it is when a checkpoint is saved: the file and where
  /// its arrays lie.
  let bytes: Bytes
  let stored: [IndexedTensor]
  /// The tensors of the file that `stored` has expert by expert; those without a data type are
  /// in no file, but stand for codes, or were in the source of a packed file.
  let stacks: [StackedExperts]
  /// The same with the stacks as they are in the file, too.
  var arrays: [IndexedTensor] { stored + stacks.filter(\.isStored).map(\.tensor) }
  let identities: [FileIdentity]

  /// Opens the file at a path: maps it and reads its headers. A folder means the
  /// checkpoint in it, and a shard all shards that the index beside it lists. `settings` say
  /// what its files do not, or say otherwise, in the words of `configuration`.
  public static func open(
    _ path: String, settings: [String: String] = [:]
  ) throws(CheckpointError) -> Checkpoint {
    if path == "-" { throw .notARegularFile(path: "standard input") }
    let location = try CheckpointLocation(path)
    let mapping = try Mapping(path: location.path)
    return try Checkpoint(
      Bytes(mapping), path: location.path, name: location.name, warning: location.warning,
      settings: settings)
  }

  /// Opens bytes that live as long as the process, such as the checkpoint
  /// inside the program.
  public static func open(
    staticBytes: UnsafeRawBufferPointer, name: String
  ) throws(CheckpointError) -> Checkpoint {
    let mapping = unsafe try Mapping(staticBytes: staticBytes)
    return try Checkpoint(Bytes(mapping), path: nil, name: name)
  }

  /// Whether its file holds these very bytes.
  package func isWhole(_ other: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count == other.count, let theirs = other.baseAddress else { return false }
    return unsafe bytes.withUnsafeBytes { own in
      guard let own = own.baseAddress else { return false }
      return unsafe own == theirs || memcmp(own, theirs, other.count) == 0
    }
  }

  /// Opens a copy of bytes in memory.
  package static func open(bytes: [UInt8], name: String) throws(CheckpointError) -> Checkpoint {
    guard !bytes.isEmpty else { throw .empty }
    return try Checkpoint(Bytes(bytes), path: nil, name: name)
  }

  /// Opens a file without looking at what is beside it.
  static func open(alone path: String) throws(CheckpointError) -> Checkpoint {
    try Checkpoint(
      Bytes(try Mapping(path: path)), path: nil, name: FilePath.lastComponent(path))
  }

  private init(
    _ bytes: Bytes, path: String?, name: String, warning: String? = nil,
    settings: [String: String] = [:]
  ) throws(CheckpointError) {
    let format = try FormatCatalog.format(of: bytes)
    let opened = try format.open(bytes, path: path)
    let bytes = opened.bytes
    var index = opened.index
    EmbeddedGGUF.read(into: &index)
    Sidecars.read(beside: path, into: &index)
    index.configuration.merge(settings) { $1 }
    let stacks = try StackedExperts.unfold(&index) + ExpertBlocks.unfold(&index)
    self.stacks = stacks.isEmpty ? StackedExperts.told(in: index.metadata) : stacks
    let names = LayerNames(index.tensors)
    TrainingState.mark(in: &index, names)
    if let warning = MissingWeights.warning(index.tensors) { index.warnings.append(warning) }
    TiedHead.mark(in: &index, names, bytes)
    var resolved = try PackedIndex.resolve(index, names, bytes)
    try DerivedIndex.resolve(&resolved, index, bytes)
    unreadCodes = try QuantizedIndex.resolve(&resolved, index, bytes)
    let layout = try ModelLayout(index, resolved, bytes: bytes)
    if resolved.names.kinds.contains(where: { TensorName.isFactor($0.rest) }) {
      index.warnings.append(
        "this is an adapter: its matrices are factors of what it adds to a model's layers, and "
          + "pruning a factor does not prune the layer")
    }
    self.bytes = bytes
    self.path = path
    self.name = name
    self.format = opened.format ?? format.name
    fileByteCount = opened.fileByteCount
    identities = bytes.owner.identities
    stored = index.tensors
    tensors = resolved.tensors.indices.map { TensorInfo(layout, at: $0) }
    metadata = index.metadata
    configuration = index.configuration
    vocabulary = index.vocabulary
    gguf = index.gguf
    let others = [unreadCodes?.warning, Self.warning(ofUnreadTypes: resolved)]
    warnings = (warning.map { [$0] } ?? []) + index.warnings + others.compactMap { $0 }
    lazyParameters = Lazy { layout.parameters() }
    lazyTrainingState = Lazy { layout.trainingState() }
    lazyBlockMap = Lazy { layout.blockMap() }
    lazyLeftAlone = Lazy {
      let kinds = layout.leftAlone().map { kind, count in
        kind.contains(".") ? "\(count) matrices of \(kind)" : "\(count) \(kind)"
      }
      return kinds.isEmpty ? nil : kinds.joined(separator: ", ")
    }
    try bytes.check()
  }

  /// Tells of the tensors that are listed and not read, codes aside.
  private static func warning(ofUnreadTypes resolved: ResolvedTensors) -> String? {
    var first: IndexedTensor?
    var count = 0
    for position in resolved.tensors.indices
    where resolved.tensors[position].dtype == nil && resolved[position] == nil {
      if first == nil { first = resolved.tensors[position] }
      count += 1
    }
    guard let first else { return nil }
    let verb = count == 2 ? "is" : "are"
    let others = count > 1 ? "; \(count - 1) more \(verb) of types that are not read" : ""
    return "tensor \(first.name.quoted) has the type \(first.dtypeName.quoted), "
      + "which is listed but not read\(others)"
  }

  /// Throws `CheckpointError.unreadCodes` where some of the weights are codes of a layout that
  /// is not read: nothing that changes, judges or writes weights may be done then.
  public func refuseUnreadCodes() throws(CheckpointError) {
    if let unreadCodes { throw unreadCodes.refusal }
  }

  /// Throws `CheckpointError.noWeights` where nothing in it can be worked on, but a reason is
  /// known: an optimizer's file, or matrices that a training run left empty; and as
  /// `refuseUnreadCodes`.
  public func checkWeights() throws(CheckpointError) {
    try refuseUnreadCodes()
    if let absence = parameters.absence { throw .noWeights(reason: absence) }
  }

  /// Throws `CheckpointError.changed` when a file was written to, cut short or
  /// became unreadable since it was opened; weights read since may be wrong.
  public func check() throws(CheckpointError) { try bytes.check() }
}

/// Text of paths, without touching the file system.
enum FilePath {
  static func lastComponent(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }

  /// The folder a file is in, with a slash at the end; empty for the current.
  static func folder(_ path: String) -> String {
    path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
  }
}
