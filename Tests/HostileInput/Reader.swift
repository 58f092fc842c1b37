public import TestSupport
internal import CheckpointIO
internal import Foundation
internal import Tensors
internal import Training
internal import Workspace

/// Whatever of the program reads bytes that a stranger may have written: what is fuzzed, and
/// what mutated inputs are given to.
public enum Reader: String, CaseIterable, Sendable {
  case safetensors, pytorch, pickle, gguf, npy, npz
  /// The JSON in a safetensors file's metadata: configuration, vocabulary, widths of blocks.
  case metadata
  /// The index of a folder of shards.
  case shards
  /// `config.json` and `meta.pkl` beside a checkpoint.
  case configuration, vocabulary
  /// `config.json` and `tokenizer.json` of a Llama that becomes a GGUF file.
  case llama, tokenizer
  /// An importance matrix for a GGUF file.
  case importance
  case recipe, session, log
  /// How far a training run is, as its saved state says.
  case state

  /// Reads an input as the program would and then uses all that it gave: values, metadata,
  /// the network. `folder` is for readers that want a file.
  ///
  /// Throws what the program would say of the input.
  public func read(_ bytes: [UInt8], in folder: TemporaryFolder) throws {
    switch self {
    case .safetensors:
      do {
        try open(bytes)
      } catch {
        guard let repaired = SmallFile.withTrueLength(bytes) else { throw error }
        try open(repaired)
      }
    case .pytorch, .gguf, .npy, .npz: try open(bytes)
    case .pickle: try open(SmallFile.archive(pickle: bytes))
    case .metadata:
      let texts = SmallFile.texts(bytes, keys: ["pare.config", "pare.vocabulary", "pare.blocks"])
      try open(SmallFile.network(texts))
    case .shards: try readShards(bytes, in: folder)
    case .configuration: try readBeside(bytes, "config.json", in: folder)
    case .vocabulary: try readBeside(bytes, "meta.pkl", in: folder)
    case .llama: try convertLlama(configuration: bytes, tokenizer: nil, in: folder)
    case .tokenizer:
      try convertLlama(
        configuration: Array(Seeds.llama.utf8), tokenizer: bytes, in: folder)
    case .importance: try weigh(bytes, in: folder)
    case .recipe:
      let recipe = try Recipe(yaml: String(decoding: bytes, as: UTF8.self))
      let again = try Recipe(yaml: recipe.yaml)
      precondition(again == recipe, "a recipe survives being written")
    case .session: readSession(bytes, in: folder)
    case .log:
      let path = folder.file("run.log.jsonl")
      TemporaryFolder.write(bytes, to: path)
      _ = try TrainingLog(path)
    case .state:
      let path = folder.file("run.state")
      let text = String(decoding: bytes, as: UTF8.self)
      TemporaryFolder.write(SmallFile.network(["pare.training": text]), to: path)
      let progress = try TrainingState(path).progress
      _ = (progress.total, progress.isFinished, progress.secondsLeft)
    }
  }

  private func open(_ bytes: [UInt8]) throws {
    try Use.all(of: Checkpoint.open(bytes: bytes, name: "input"))
  }

  private func readShards(_ bytes: [UInt8], in folder: TemporaryFolder) throws {
    for (number, name) in ["a", "b"].enumerated() {
      let path = folder.file("model-0000\(number + 1)-of-00002.safetensors")
      if !FileManager.default.fileExists(atPath: path) {
        TemporaryFolder.write(SmallFile.one(name), to: path)
      }
    }
    let path = folder.file("model.safetensors.index.json")
    TemporaryFolder.write(bytes, to: path)
    try Use.all(of: Checkpoint.open(path))
  }

  private func readBeside(
    _ bytes: [UInt8], _ name: String, in folder: TemporaryFolder
  ) throws {
    let path = folder.file("model.safetensors")
    if !FileManager.default.fileExists(atPath: path) {
      TemporaryFolder.write(SmallFile.network([:]), to: path)
    }
    TemporaryFolder.write(bytes, to: folder.file(name))
    try Use.all(of: Checkpoint.open(path))
  }

  private func convertLlama(
    configuration: [UInt8], tokenizer: [UInt8]?, in folder: TemporaryFolder
  ) throws {
    let path = folder.file("model.safetensors")
    if !FileManager.default.fileExists(atPath: path) {
      TemporaryFolder.write(SmallFile.llama, to: path)
    }
    TemporaryFolder.write(configuration, to: folder.file("config.json"))
    if let tokenizer { TemporaryFolder.write(tokenizer, to: folder.file("tokenizer.json")) }
    let checkpoint = try Checkpoint.open(path)
    let plan = try GGUFPlan.make(
      parameters: checkpoint.parameters, of: checkpoint, storage: .own, threads: 1)
    precondition((plan.notes + plan.omissions).allSatisfy { Use.isShowable($0) })
    let written = folder.file("a.gguf")
    try plan.write(to: written)
    try Use.all(of: Checkpoint.open(written))
  }

  private func weigh(_ bytes: [UInt8], in folder: TemporaryFolder) throws {
    let path = folder.file("importance")
    TemporaryFolder.write(bytes, to: path)
    let matrix = try ImportanceMatrix(contentsOf: path)
    for form in [ImportanceMatrix.Form.gguf, .old] {
      try matrix.write(to: SaveOutput(folder.file("again"), overwrite: true), as: form)
    }
    try GGUFPlan.make(
      parameters: Parameters([Seeds.weighted]), storage: .blocks(.q4_0), importance: matrix,
      threads: 1
    ).write(to: folder.file("a.gguf"))
  }

  /// A session that cannot be used is set aside; there is nothing to throw.
  private func readSession(_ bytes: [UInt8], in folder: TemporaryFolder) {
    func session() -> Session {
      Session(directory: folder.path, name: "input", contentKey: 1)
    }
    let before = session()
    // Where it is, is its own affair.
    TemporaryFolder.write(bytes, to: before.path)
    // As another program finds it that is about to write.
    try? before.write()
    precondition(session().tree != nil)
    TemporaryFolder.write(bytes, to: before.path)
    guard let tree = session().tree else { return }
    for revision in tree.revisions { _ = (revision.title, tree.recipe(to: revision.id)?.yaml) }
  }
}
