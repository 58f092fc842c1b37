public import Tensors

/// Everything about a GGUF file that is going to be written. Making the plan writes
/// nothing, and reads only weights that come from blocks and that a pass has changed.
public struct GGUFPlan: Sendable {
  /// One tensor of the file.
  public struct Entry: Sendable, Hashable {
    public let name: String
    /// ggml's name of its type.
    public let type: String
    public let shape: Shape
    public let byteCount: Int
    /// Why it has another type than the one that was asked for; nil where it has
    /// that, or is no matrix of weights.
    public let fallback: String?
    /// Whether its errors were weighed by the importance of its columns.
    public let isWeighted: Bool
  }

  /// In the order of the file.
  public let entries: [Entry]
  /// Exactly what the file will take, header included.
  public let byteCount: Int
  /// What the file will not have, such as optimizer state.
  public let omissions: [String]
  /// What the file will not hold as the checkpoint has it, `omissions` among it.
  public let losses: [SaveLoss]
  /// What is changed, made up or taken for granted on the way to llama.cpp, a sentence
  /// each, or why llama.cpp will not run the file.
  public let notes: [String]

  let tensors: [GGUFTensor]
  let header: [UInt8]
  let source: Checkpoint?
  private let threads: Int

  /// Plans a file whose matrices are stored as `storage` says: what has one axis, or holds
  /// constants, keeps f32. A matrix whose rows are no whole number of blocks takes
  /// the format that llama.cpp falls back to. Of a model that llama.cpp knows, names, rows,
  /// metadata and tokenizer are those it asks for; of a GGUF file, and of a model that it
  /// does not know, they are those of `checkpoint`, to which `metadata` adds. The tokenizer's
  /// files beside `checkpoint` are read.
  ///
  /// Errors in the matrices that `importance` names are weighed by it; one that was read from a
  /// file has to fit the model.
  ///
  /// Throws `CheckpointError.invalidConversion` for a format that is only read,
  /// `.invalidImportance`, and what no reader would take.
  public static func make(
    parameters: Parameters, of checkpoint: Checkpoint? = nil, metadata: [String: String] = [:],
    storage: GGUFStorage, importance: ImportanceMatrix? = nil,
    threads: Int = Parallel.defaultThreads,
    progress: (Double, String) -> Void = { _, _ in },
    shouldStop: @Sendable () -> Bool = { false }
  ) throws -> GGUFPlan {
    try checkpoint?.refuseUnreadCodes()
    if case .blocks(let format) = storage, !format.isWritable {
      throw CheckpointError.invalidConversion(reason: "\(format.rawValue) is read, but not written")
    }
    let content = try GGUFContent(parameters, of: checkpoint, metadata)
    var tensors: [GGUFTensor] = []
    var names: Set<String> = []
    var end = 0
    let stored = BlockIndex(checkpoint)
    let alignment = content.alignment
    for source in content.sources {
      guard names.insert(source.name).inserted else {
        throw CheckpointError.duplicateTensor(name: source.name)
      }
      if shouldStop() { throw CheckpointError.stopped }
      progress(Double(tensors.count) / Double(content.sources.count), source.name)
      var tensor = try GGUFTensor(source, storage, stored, importance, shouldStop: shouldStop)
      tensor.offset = end
      end = aligned(end + tensor.byteCount, to: alignment)
      tensors.append(tensor)
    }
    progress(1, "")
    try importance?.check(against: tensors)
    let type = fileType(storage, tensors)
    let isSame = storage == .own && content.describes(tensors, ofType: type)
    var pairs = isSame ? content.pairs : GGUFPairs.ofFile(content.pairs, type: type)
    if let importance, tensors.contains(where: \.entry.isWeighted) {
      pairs = GGUFPairs.telling(importance, pairs)
    }
    let header = GGUFWriter.header(tensors.map(\.info), pairs, alignment: alignment)
    return GGUFPlan(
      entries: tensors.map(\.entry),
      byteCount: header.count + end,
      omissions: omissions(checkpoint, parameters) + content.omissions,
      losses: SaveLoss.grouped(
        tensors.flatMap(\.losses) + losses(checkpoint, parameters) + content.losses),
      notes: content.notes, tensors: tensors, header: header, source: checkpoint,
      threads: threads)
  }

  /// The type that was asked for, or that most values have.
  private static func fileType(_ storage: GGUFStorage, _ tensors: [GGUFTensor]) -> UInt32? {
    switch storage {
    case .blocks(let format): return GGUFPairs.fileType(format)
    case .values(let dtype): return GGUFPairs.fileType(dtype)
    case .own:
      let matrices = tensors.filter { $0.shape.dimensions.count >= 2 }
      let counts = Dictionary(grouping: matrices, by: \.fileType).mapValues {
        $0.reduce(0) { $0 + $1.shape.count }
      }
      return counts.max { ($0.value, $0.key ?? 0) < ($1.value, $1.key ?? 0) }?.key
    }
  }

  static func aligned(_ count: Int, to alignment: Int) -> Int {
    (count + alignment - 1) / alignment * alignment
  }

  private static func omissions(
    _ checkpoint: Checkpoint?, _ parameters: Parameters
  ) -> [String] {
    (checkpoint?.tensors ?? []).compactMap { tensor in
      guard parameters[tensor.name] == nil, tensor.sharesStorageOf == nil else { return nil }
      let reason = tensor.dtype == nil ? "\(tensor.dtypeName) is not read" : "it is no weight"
      return "tensor \(tensor.name.quoted): \(reason)"
    }
  }

  private static func losses(
    _ checkpoint: Checkpoint?, _ parameters: Parameters
  ) -> [SaveLoss] {
    (checkpoint?.tensors ?? []).compactMap { tensor in
      guard parameters[tensor.name] == nil, tensor.sharesStorageOf == nil else { return nil }
      return tensor.dtype == nil ? SaveLoss(.unwritable, from: tensor.dtypeName) : SaveLoss(.state)
    }
  }
}

extension GGUFPlan: FilePlan {
  /// A stack's experts are written one by one.
  public var tensorCount: Int { tensors.reduce(0) { $0 + $1.parts.count } }

  @discardableResult
  public func write(
    to output: SaveOutput, recipe: String? = nil, syncing syncedAtOnce: Int,
    progress: (Double, String) -> Void, shouldStop: @Sendable () -> Bool
  ) throws -> Int {
    let file = try TensorFile(
      for: output, byteCount: byteCount, tensorCount: tensorCount, of: source, recipe: recipe,
      identity: header + tensors.flatMap(\.importanceBytes))
    try file.write(Bytes(header), at: 0)
    let pieces = tensors.flatMap { tensor in
      tensor.parts.indices.map { part in
        let size = tensor.byteCount / tensor.parts.count
        let start = header.count + tensor.offset + part * size
        return (tensor: tensor, part: part, range: start..<start + size)
      }
    }
    let turns = pieces.map {
      TensorFile.Turn(name: $0.tensor.name, written: $0.range.upperBound)
    }
    try file.write(
      turns, after: header.count, syncing: syncedAtOnce,
      progress: { progress(Double($0) / Double(byteCount), $1) }, shouldStop: shouldStop
    ) {
      let (tensor, part, range) = pieces[$0]
      return [(try tensor.encoded(part: part, threads: threads, shouldStop: shouldStop), range)]
    }
    try file.check(holds: tensors.flatMap { $0.arrays(after: header.count) })
    try file.commit()
    progress(1, "")
    return file.resumed
  }
}
