public import Tensors

/// Everything about a GGUF file that is going to be written. Making the plan reads
/// no weights and writes nothing.
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

  let tensors: [GGUFTensor]
  let header: [UInt8]
  let source: Checkpoint?
  private let threads: Int

  /// Plans a file whose matrices are stored in blocks: what has one axis, or holds
  /// constants, keeps f32. A matrix whose rows are no whole number of blocks takes
  /// the format that llama.cpp falls back to. Names and metadata, the tokenizer's
  /// among them, are those of `checkpoint`; one that is no GGUF file has few of
  /// what llama.cpp asks for.
  ///
  /// `importance` has the mean square of each input of the matrices that it names:
  /// their errors are weighed by it, as with llama.cpp's importance matrices.
  ///
  /// Throws `CheckpointError.invalidConversion` for a format that is only read, and
  /// what no reader would take.
  public static func make(
    parameters: Parameters, of checkpoint: Checkpoint? = nil, format: BlockFormat,
    importance: [String: [Float]] = [:], threads: Int = Parallel.defaultThreads
  ) throws(CheckpointError) -> GGUFPlan {
    guard format.isWritable else {
      throw .invalidConversion(reason: "\(format.rawValue) is read, but not written")
    }
    var tensors: [GGUFTensor] = []
    var names: Set<String> = []
    var end = 0
    let stored = StoredBlocks(checkpoint)
    for parameter in parameters {
      guard names.insert(parameter.name).inserted else {
        throw .duplicateTensor(name: parameter.name)
      }
      var tensor = try GGUFTensor(parameter, format, stored, importance[parameter.name])
      tensor.offset = end
      end = aligned(end + tensor.byteCount)
      tensors.append(tensor)
    }
    let header = GGUFWriter.header(tensors, GGUFPairs.of(checkpoint, format: format))
    return GGUFPlan(
      entries: tensors.map(\.entry),
      byteCount: header.count + (tensors.last.map { $0.offset + $0.byteCount } ?? 0),
      omissions: omissions(checkpoint, parameters),
      losses: SaveLoss.grouped(tensors.flatMap(\.losses) + losses(checkpoint, parameters)),
      tensors: tensors, header: header, source: checkpoint, threads: threads)
  }

  static func aligned(_ count: Int) -> Int {
    let alignment = GGUFHeader.defaultAlignment
    return (count + alignment - 1) / alignment * alignment
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
  public var tensorCount: Int { tensors.count }

  @discardableResult
  public func write(
    to path: String, recipe: String? = nil, syncing syncedAtOnce: Int,
    progress: (Double, String) -> Void, shouldStop: @Sendable () -> Bool
  ) throws -> Int {
    let file = try TensorFile(
      for: path, byteCount: byteCount, tensorCount: tensors.count, of: source, recipe: recipe,
      identity: header + tensors.flatMap(\.importanceBytes))
    try file.write(Bytes(header), at: 0)
    let start = header.count
    let turns = tensors.map {
      TensorFile.Turn(name: $0.name, written: start + $0.offset + $0.byteCount)
    }
    try file.write(
      turns, after: start, syncing: syncedAtOnce,
      progress: { progress(Double($0) / Double(byteCount), $1) }, shouldStop: shouldStop
    ) {
      let tensor = tensors[$0]
      let bytes = try tensor.encoded(threads: threads, shouldStop: shouldStop)
      return [(bytes, (start + tensor.offset)..<(start + tensor.offset + tensor.byteCount))]
    }
    try file.commit()
    progress(1, "")
    return file.resumed
  }
}
