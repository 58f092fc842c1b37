public import CheckpointIO
public import Models
public import Tensors

/// What a model is to be saved as: all that the file depends on beside the weights. The
/// command line, the explorer and training ask for files by it.
public struct SaveRequest: Sendable, Hashable {
  /// A kind of file, and how it has the weights.
  public enum Kind: Sendable, Hashable {
    case safetensors(SaveForm)
    /// The state dictionary, dense, of one type or each tensor of its own.
    case pytorch(DType?)
    /// Under llama.cpp's names where it knows the model.
    case gguf(GGUFStorage)
    /// A Hugging Face folder whose layers on a grid have a quantizer's layout.
    case folder(ExportLayout)
  }

  public var kind: Kind
  /// Of the tensors of one shard, where there are to be shards.
  public var shardByteCount: Int?
  /// By what the errors of GGUF's blocks are weighed.
  public var importance: ImportanceMatrix?
  /// Adds to the checkpoint's.
  public var metadata: [String: String] = [:]

  /// A file of a kind.
  public init(_ kind: Kind) { self.kind = kind }

  /// safetensors of a form.
  public static func safetensors(_ form: SaveForm) -> SaveRequest {
    SaveRequest(.safetensors(form))
  }

  /// PyTorch, each tensor of its own type.
  public static let pytorch = SaveRequest(.pytorch(nil))

  /// GGUF.
  public static func gguf(_ storage: GGUFStorage) -> SaveRequest { SaveRequest(.gguf(storage)) }

  public var format: FileFormat {
    switch kind {
    case .safetensors, .folder: .safetensors
    case .pytorch: .pytorch
    case .gguf: .gguf
    }
  }
}

/// The options of a save, as they are given; nil where nothing is said.
public struct SaveOptions: Sendable {
  public var format: FileFormat?
  public var isPacked: Bool?
  public var dtype: DType?
  public var blocks: BlockFormat?
  public var shardByteCount: Int?
  public var layout: ExportLayout?

  public init(
    format: FileFormat? = nil, isPacked: Bool? = nil, dtype: DType? = nil,
    blocks: BlockFormat? = nil, shardByteCount: Int? = nil, layout: ExportLayout? = nil
  ) {
    self.format = format
    self.isPacked = isPacked
    self.dtype = dtype
    self.blocks = blocks
    self.shardByteCount = shardByteCount
    self.layout = layout
  }

  /// The first that says how weights are stored, as it is written.
  fileprivate var form: String? {
    if let format { return "--format \(format.rawValue)" }
    if blocks != nil { return "--type" }
    if let isPacked { return isPacked ? "--packed" : "--dense" }
    if dtype != nil { return "--dtype" }
    return shardByteCount == nil ? nil : "--shard-size"
  }
}

extension SaveRequest {
  /// What a file's name and the options of a save ask for: a layout means a folder, which `path`
  /// is then, blocks mean GGUF, else the name decides; safetensors is packed where nothing else is said and `packs`.
  ///
  /// Throws `SavingError` for options that exclude each other.
  public init(
    named path: String, _ options: SaveOptions, packs: Bool = true
  ) throws(SavingError) {
    if let layout = options.layout {
      if let other = options.form {
        throw SavingError(
          "--layout \(layout.rawValue) says how weights are stored; it excludes \(other)")
      }
      self.init(.folder(layout))
      return
    }
    if let format = options.format, options.blocks != nil, format != .gguf {
      throw SavingError("--format \(format.rawValue) and --type exclude each other")
    }
    if options.blocks != nil, let isPacked = options.isPacked {
      throw SavingError("--type writes GGUF; it excludes \(isPacked ? "--packed" : "--dense")")
    }
    let format = options.blocks == nil ? options.format ?? FileFormat(named: path) : .gguf
    if options.shardByteCount != nil, format != .safetensors {
      throw SavingError("--shard-size splits safetensors; \(path) would be \(format.title)")
    }
    if options.shardByteCount != nil, !path.hasSuffix(ShardedPlan.suffix) {
      throw SavingError(
        "shards have their names from the output's, which must end in \(ShardedPlan.suffix)")
    }
    switch format {
    case .safetensors:
      self.init(.safetensors(options.isPacked ?? packs ? .packed : .dense(options.dtype)))
    case .pytorch:
      if options.isPacked == true {
        throw SavingError("a PyTorch file is dense; --packed needs safetensors")
      }
      self.init(.pytorch(options.dtype))
    case .gguf:
      if options.isPacked == true {
        throw SavingError("--packed needs safetensors; \(path) would be GGUF")
      }
      self.init(
        .gguf(options.blocks.map { .blocks($0) } ?? options.dtype.map { .values($0) } ?? .own))
    }
    shardByteCount = options.shardByteCount
  }

  /// Plans the files of `model`, which comes of `checkpoint` where there is one; of packed ones
  /// what is `known` is not read. Throws what planning and reading throw, and
  /// `CheckpointError.stopped`.
  public func plan(
    _ model: ModelState, of checkpoint: Checkpoint?, to path: String,
    known: [String: PackedFacts] = [:], threads: Int = Parallel.defaultThreads,
    progress: (Double, String) -> Void = { _, _ in },
    shouldStop: @Sendable () -> Bool = { false }
  ) throws -> PlannedSave {
    let parameters = model.parameters
    let metadata = checkpoint.map { SavePlan.metadata(of: model, from: $0) } ?? [:]
    let whole = metadata.merging(self.metadata) { $1 }
    switch kind {
    case .folder(let layout):
      guard let checkpoint else {
        throw SavingError("--layout needs a checkpoint with config.json beside it")
      }
      let plan = try QuantizedFolderPlan.make(
        model, of: checkpoint, as: layout, progress: progress, shouldStop: shouldStop)
      return PlannedSave(
        plan, .safetensors, plan.weights.entries.map { ($0.encoding, $0.byteCount) }, to: path)
    case .safetensors(let form):
      let plan = try SavePlan.make(
        parameters: parameters, of: checkpoint, metadata: whole, form: form, known: known,
        progress: progress, shouldStop: shouldStop)
      let encodings = plan.entries.map { ($0.encoding, $0.byteCount) }
      if let shardByteCount {
        let shards = try ShardedPlan(plan, shardByteCount: shardByteCount)
        if shards.shards.count > 1 {
          return PlannedSave(shards, .safetensors, encodings, to: path)
        }
      }
      return PlannedSave(plan, .safetensors, encodings, to: path)
    case .pytorch(let dtype):
      let plan = try PyTorchPlan.make(
        parameters: parameters, of: checkpoint, metadata: whole, dtype: dtype,
        progress: progress, shouldStop: shouldStop)
      return PlannedSave(
        plan, .pytorch, plan.entries.map { ($0.encoding, $0.byteCount) }, to: path)
    case .gguf(let storage):
      let plan = try GGUFPlan.make(
        parameters: parameters, of: checkpoint, metadata: whole, storage: storage,
        importance: importance,
        threads: threads, progress: progress, shouldStop: shouldStop)
      return PlannedSave(plan, .gguf, plan.entries.map { ($0.type, $0.byteCount) }, to: path)
    }
  }
}

/// Files about to be written, of one format or another.
public struct PlannedSave: Sendable {
  public let plan: any FilePlan
  public let format: FileFormat
  /// How many tensors are stored in which way: encodings, or GGUF's types.
  public let encodings: [String: Int]
  /// Of all tensors, without headers.
  public let tensorByteCount: Int
  /// Every file; the one that opens the checkpoint is the last.
  public let files: [String]
  /// As it was asked for.
  public let output: String

  init(
    _ plan: any FilePlan, _ format: FileFormat, _ tensors: [(encoding: String, byteCount: Int)],
    to path: String
  ) {
    self.plan = plan
    self.format = format
    encodings = Dictionary(grouping: tensors, by: \.encoding).mapValues(\.count)
    tensorByteCount = tensors.reduce(0) { $0 + $1.byteCount }
    files = plan.paths(for: path)
    output = path
  }

  /// What opens what was written.
  public var path: String { files.last ?? output }

  /// Whether the tensors, and with them the file, take more than in the checkpoint that they
  /// come of.
  public func isLarger(than checkpoint: Checkpoint) -> Bool {
    let before = checkpoint.tensors.reduce(0) {
      $1.sharesStorageOf == nil ? $0 + $1.byteCount : $0
    }
    return tensorByteCount > before && plan.byteCount > checkpoint.fileByteCount
  }
}

/// What a save has written.
public struct SavedFile: Sendable, Hashable {
  public let path: String
  public let byteCount: Int
  public let tensorCount: Int
  /// Tensors that were there from a save that stopped.
  public let resumed: Int
  /// What the file does not hold as the checkpoint had it.
  public let losses: [SaveLoss]
  /// What is taken for granted of a GGUF file, and why llama.cpp will not load it, a sentence
  /// each.
  public var notes: [String] = []
  /// Weights of it that are NaN or infinite, where writing changed values.
  public let nonFinite: NonFiniteWeights?
}
