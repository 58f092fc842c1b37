internal import Models

public import Tensors

/// Everything about a PyTorch checkpoint that is going to be written, in the zip form
/// that `torch.save` has had since 1.6, so that `torch.load(weights_only=True)` reads
/// it:
///
///     archive/data.pkl     the state dictionary, and where each tensor's values are
///     archive/byteorder    little
///     archive/data/0 …     the values of each storage, from a multiple of 64 bytes on
///     archive/version      3
///
/// The object is the state dictionary, an `OrderedDict` with the metadata as an attribute
/// (`PyTorchFormat.metadataAttribute`); of a network in nanoGPT's
/// layout it is a dictionary as nanoGPT writes it, with the state dictionary as
/// `model`, the configuration as `model_args`, and the metadata beside them as text.
/// Names of one tensor share its storage.
public struct PyTorchPlan: Sendable {
  /// Storages and the tensors in them; second names of a tensor are left out.
  public let entries: [SavePlan.Entry]
  /// Exactly what the file will take.
  public let byteCount: Int
  /// What the file will not have, such as optimizer state.
  public let omissions: [String]
  /// What the file will not hold as the checkpoint has it, `omissions` among it.
  public let losses: [SaveLoss]

  let tensors: [PlannedTensor]
  let source: Checkpoint?
  /// The entries' payloads that are no tensors', by position.
  private let texts: [Int: [UInt8]]
  private let layout: ZipLayout
  /// Of the first storage among the archive's entries.
  private let firstStorage: Int

  /// Plans a file of `parameters`, as `SavePlan.make` does; `dtype` is the type of all
  /// weights, nil keeps each tensor's own (f8 becomes f16).
  ///
  /// Throws as `SavePlan.make`.
  public static func make(
    parameters: Parameters, of checkpoint: Checkpoint? = nil, metadata: [String: String] = [:],
    dtype: DType?, progress: (Double, String) -> Void = { _, _ in },
    shouldStop: @Sendable () -> Bool = { false }
  ) throws -> PyTorchPlan {
    let gathered = try GatheredTensors(
      parameters, of: checkpoint, form: .dense(dtype), holder: .pytorch, progress: progress,
      shouldStop: shouldStop)
    try SafetensorsHeader.checkNames(gathered.tensors)
    progress(1, "")
    return PyTorchPlan(
      gathered, metadata: SavedMetadata.of(checkpoint, adding: metadata), parameters, checkpoint)
  }

  private init(
    _ gathered: GatheredTensors, metadata: [String: String], _ parameters: Parameters,
    _ checkpoint: Checkpoint?
  ) {
    let names = StateNames(gathered.tensors, checkpoint, metadata)
    // What is a tensor of this file is no second name of another.
    let own = Set(gathered.tensors.lazy.map(\.name)).union(names.ties.keys)
    let root = PyTorchRoot(parameters, checkpoint, metadata.filter { !own.contains($0.key) })
    let pickle = root.pickle { writer in
      for (name, number) in names.all {
        writer.text(name)
        let part = gathered.tensors[number].parts[0]
        writer.tensor(
          dimensions: part.dimensions, storage: Self.storage(part.dtypeName), key: "\(number)")
      }
    }
    var layout = ZipLayout()
    var texts: [Int: [UInt8]] = [:]
    let add = { (name: String, bytes: [UInt8]) in
      texts[layout.entries.count] = bytes
      layout.add("archive/" + name, byteCount: bytes.count)
    }
    add("data.pkl", pickle)
    add("byteorder", Array("little".utf8))
    firstStorage = layout.entries.count
    for (number, tensor) in gathered.tensors.enumerated() {
      layout.add("archive/data/\(number)", byteCount: tensor.parts[0].byteCount)
    }
    add("version", Array("3\n".utf8))
    self.layout = layout
    self.texts = texts
    losses = gathered.losses
    entries = gathered.tensors.map(\.entry)
    byteCount = layout.byteCount
    omissions = gathered.omissions
    tensors = gathered.tensors
    source = checkpoint
  }

  private static func storage(_ dtypeName: String) -> String {
    switch DType(rawValue: dtypeName) {
    case .f64: "DoubleStorage"
    case .f16: "HalfStorage"
    case .bf16: "BFloat16Storage"
    case .i64: "LongStorage"
    case .i32: "IntStorage"
    case .i16: "ShortStorage"
    case .i8: "CharStorage"
    case .u8: "ByteStorage"
    case .bool: "BoolStorage"
    // f8 was widened when it was planned.
    case .f32, .f8e4m3, .f8e5m2, nil: "FloatStorage"
    }
  }
}

extension PyTorchPlan: FilePlan {
  /// Between two questions whether to stop: some hundredths of a second.
  private static let pieceByteCount = 16 << 20

  public var tensorCount: Int { tensors.count }

  @discardableResult
  public func write(
    to output: SaveOutput, recipe: String? = nil, syncing syncedAtOnce: Int,
    progress: (Double, String) -> Void, shouldStop: @Sendable () -> Bool
  ) throws -> Int {
    var checksums = [UInt32](repeating: 0, count: layout.entries.count)
    for (position, text) in texts {
      checksums[position] = try Self.checksum(of: Bytes(text), shouldStop)
    }
    // Names, places and what the pickle says; the tensors' checksums are not known yet.
    let identity = layout.directory(checksums: checksums)
    let file = try TensorFile(
      for: output, byteCount: byteCount, tensorCount: tensors.count, of: source, recipe: recipe,
      identity: identity)
    for (position, text) in texts {
      for (bytes, range) in layout.entries[position].arrays(Bytes(text), checksums[position]) {
        try file.write(bytes, at: range.lowerBound)
      }
    }
    let storages = firstStorage..<firstStorage + tensors.count
    for position in storages.prefix(file.resumed) {
      let entry = layout.entries[position]
      checksums[position] = ZipLayout.checksum(of: try file.read(entry.start..<entry.offset))
    }
    let turns = zip(tensors, layout.entries[storages]).map {
      TensorFile.Turn(name: $0.name, written: $1.end)
    }
    try file.write(
      turns, after: layout.entries[firstStorage - 1].end, syncing: syncedAtOnce,
      progress: { progress(Double($0) / Double(byteCount), $1) }, shouldStop: shouldStop
    ) { index in
      let payload = try tensors[index].encoded(from: source?.bytes, shouldStop)[0]
      let checksum = try Self.checksum(of: payload, shouldStop)
      checksums[firstStorage + index] = checksum
      return layout.entries[firstStorage + index].arrays(payload, checksum)
    }
    try file.write(
      Bytes(layout.directory(checksums: checksums)), at: layout.entries.last?.end ?? 0)
    try file.check(
      holds: zip(tensors, layout.entries[storages]).map { tensor, entry in
        let part = tensor.parts[0]
        return IndexedTensor(
          name: tensor.name, dtype: DType(rawValue: part.dtypeName), dtypeName: part.dtypeName,
          shape: Shape(part.dimensions), byteRange: entry.offset..<entry.end)
      })
    try file.commit()
    progress(1, "")
    return file.resumed
  }

  private static func checksum(
    of payload: Bytes, _ shouldStop: @Sendable () -> Bool
  ) throws(CheckpointError) -> UInt32 {
    var checksum = CRC32()
    for start in stride(from: 0, to: payload.count, by: pieceByteCount) {
      if shouldStop() { throw .stopped }
      checksum.add(payload[start..<min(start + pieceByteCount, payload.count)])
    }
    return checksum.value
  }
}

extension ZipLayout.Entry {
  /// The payload and what stands before it, where they are to be.
  fileprivate func arrays(_ payload: Bytes, _ checksum: UInt32) -> [TensorFile.Piece] {
    [
      (Bytes(ZipLayout.localHeader(self, checksum: checksum)), start..<offset),
      (payload, offset..<end),
    ]
  }
}

/// The names of a state dictionary in the order of the checkpoint, each with the
/// number of its storage.
private struct StateNames {
  private(set) var all: [(name: String, storage: Int)] = []
  /// Second names, and what they stand for.
  private(set) var ties: [String: String] = [:]

  init(_ tensors: [PlannedTensor], _ checkpoint: Checkpoint?, _ metadata: [String: String]) {
    let numbers = Dictionary(
      tensors.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    // safetensors has the second name of a tensor in its metadata.
    for (name, other) in metadata where numbers[name] == nil && numbers[other] != nil {
      ties[name] = other
    }
    var waiting = ties
    var isListed = [Bool](repeating: false, count: tensors.count)
    for tensor in checkpoint?.tensors ?? [] where tensor.place.role != .optimizer {
      if let number = numbers[tensor.name] {
        all.append((tensor.name, number))
        isListed[number] = true
      } else if let other = waiting.removeValue(forKey: tensor.name), let number = numbers[other] {
        all.append((tensor.name, number))
      }
    }
    for (number, tensor) in tensors.enumerated() where !isListed[number] {
      all.append((tensor.name, number))
    }
    for (name, other) in waiting.sorted(by: { $0.key < $1.key }) {
      if let number = numbers[other] { all.append((name, number)) }
    }
  }
}

/// What is around a state dictionary.
private struct PyTorchRoot {
  /// nanoGPT's `GPTConfig`.
  private static let settings = [
    "n_layer", "n_head", "n_embd", "block_size", "bias", "vocab_size", "dropout",
  ]
  /// What it cannot do without.
  private static let needed = ["n_layer", "n_head", "n_embd", "block_size", "vocab_size", "bias"]

  /// Names of other members.
  private static let reserved = ["model", "model_args"]

  private let arguments: [(key: String, value: String)]?
  private let metadata: [(key: String, value: String)]

  init(_ parameters: Parameters, _ checkpoint: Checkpoint?, _ metadata: [String: String]) {
    var metadata = metadata
    // Says that the layout is PyTorch's, to readers of safetensors.
    metadata[SavedMetadata.layoutKey] = nil
    for key in Self.reserved { metadata[key] = nil }
    self.metadata = metadata.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    let settings = checkpoint?.configuration ?? MetadataConventions.settings(in: metadata)
    let isNanoGPT =
      parameters[LayerWords.nanoGPTEmbedding] != nil && !parameters.contains { $0.isTransposed }
      && Self.needed.allSatisfy { settings[$0] != nil }
    arguments =
      isNanoGPT
      ? Self.settings.compactMap { key in settings[key].map { (key, $0) } } : nil
  }

  func pickle(_ state: (inout PickleWriter) -> Void) -> [UInt8] {
    var writer = PickleWriter()
    if let arguments {
      writer.dictionary { writer in
        writer.text("model")
        writer.orderedDictionary(state)
        writer.text("model_args")
        writer.dictionary { writer in
          for (key, value) in arguments {
            writer.text(key)
            Self.write(value, to: &writer)
          }
        }
        for (key, value) in metadata {
          writer.text(key)
          writer.text(value)
        }
      }
    } else {
      writer.orderedDictionary(state)
      if !metadata.isEmpty {
        writer.attributes { writer in
          writer.text(PyTorchFormat.metadataAttribute)
          writer.dictionary { writer in
            for (key, value) in metadata {
              writer.text(key)
              writer.text(value)
            }
          }
        }
      }
    }
    return writer.finished()
  }

  private static func write(_ value: String, to writer: inout PickleWriter) {
    if let number = Int(value) {
      writer.integer(number)
    } else if let number = Double(value), number.isFinite {
      writer.real(number)
    } else if let isTrue = Bool(value.lowercased()) {
      writer.bool(isTrue)
    } else {
      writer.text(value)
    }
  }
}
