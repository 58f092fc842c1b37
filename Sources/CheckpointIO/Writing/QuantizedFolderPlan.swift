public import Models
internal import Tensors

/// A Hugging Face folder about to be written whose quantized layers have a quantizer's layout, for
/// that quantizer's tools:
///
///     model.safetensors     the layers' arrays, and all other tensors as they are
///     config.json           that beside the checkpoint, with `quantization_config`
///     tokenizer.json …      copies of what is beside the checkpoint
public struct QuantizedFolderPlan: Sendable {
  /// `model.safetensors`.
  public let weights: SavePlan
  /// The other files of the folder.
  private let files: [(name: String, bytes: [UInt8])]

  /// What the folder's weights are called.
  public static let weightsName = "model.safetensors"
  private static let configurationName = "config.json"
  /// Files of a folder that say nothing of its weights, besides its tokenizer's.
  private static let others = ["generation_config.json", "added_tokens.json"]
  /// Members of a configuration that say how its weights are quantized.
  private static let quantizationKeys = [
    "quantization_config", "compression_config", "quantization",
  ]

  /// Plans a folder of `model`, which comes of `checkpoint`: linear layers of blocks that lie on a
  /// grid are written as `layout` has them, with scales of F16. Reads the weights, and the files
  /// beside the checkpoint.
  ///
  /// Throws `CheckpointError.invalidConversion` for what the layout cannot hold, as `check`, and as
  /// `SavePlan.make`.
  public static func make(
    _ model: ModelState, of checkpoint: Checkpoint, as layout: ExportLayout,
    progress: (Double, String) -> Void = { _, _ in },
    shouldStop: @Sendable () -> Bool = { false }
  ) throws -> QuantizedFolderPlan {
    try check(checkpoint)
    guard model.configuration == checkpoint.configuration,
      model.configuration[MetadataConventions.blocks] == nil
    else {
      throw CheckpointError.invalidConversion(
        reason: "blocks of a model that is sliced have widths that config.json cannot say")
    }
    let parameters = model.parameters
    var layers: [String: GridLayer] = [:]
    var ordered: [GridLayer] = []
    var ignored: [String] = []
    for (index, parameter) in parameters.enumerated() where isModule(parameter) {
      if shouldStop() { throw CheckpointError.stopped }
      progress(0.5 * Double(index) / Double(parameters.count), parameter.name)
      // A grid that is made with its weights is known once they are.
      let isLayer = parameter.place.role == .linear && parameter.place.block != nil
      let weights = isLayer ? try parameter.loaded(shouldStop: shouldStop) : nil
      guard let weights, weights.grid != nil else {
        ignored.append(String(parameter.name.dropLast(GridLayer.suffix.utf8.count)))
        continue
      }
      let layer = try GridLayer(parameter, weights)
      layers[layer.name] = layer
      ordered.append(layer)
    }
    // One that is the embedding over again is a module, too.
    if !parameters.contains(where: { $0.place.role == .head }) { ignored.append("lm_head") }
    guard !ordered.isEmpty else {
      throw CheckpointError.invalidConversion(
        reason: "no linear layer lies on a grid; pare quantize puts them on one")
    }
    try check(ordered, against: checkpoint.stacks)
    let writing = LayerWriting(
      layout: layout, settings: try ExportSettings(ordered, ignored: ignored, layout))
    let rest = try GatheredTensors(
      Parameters(parameters.filter { layers[$0.name] == nil }), of: checkpoint, form: .dense(nil),
      holder: .safetensors, progress: { progress(0.5 + 0.5 * $0, $1) }, shouldStop: shouldStop)
    let quantized = parameters.compactMap { parameter in
      layers[parameter.name].map { PlannedTensor(parameter, $0, writing) }
    }
    let losses = quantized.flatMap(\.losses) + rest.losses.filter { $0.kind != .file }
    let plan = try SavePlan(
      quantized + rest.tensors, metadata: [SavedMetadata.layoutKey: "pt"],
      omissions: rest.omissions, losses: SaveLoss.grouped(losses), source: checkpoint)
    progress(1, "")
    return QuantizedFolderPlan(
      weights: plan,
      files: try files(beside: checkpoint, layout.layout.configuration(writing.settings)))
  }

  /// Throws `CheckpointError.invalidConversion` for a checkpoint without Hugging Face's names or
  /// without `config.json`, and `.cannotWrite` where the folder that has weights at `output` would
  /// have the checkpoint's own.
  public static func check(
    _ checkpoint: Checkpoint, for output: String? = nil
  ) throws(CheckpointError) {
    guard checkpoint.gguf == nil else {
      throw .invalidConversion(
        reason: "\(checkpoint.name.quoted) has the names of GGUF, and the layout those of Hugging "
          + "Face; take the folder that it was made of")
    }
    guard let path = checkpoint.path,
      FileIdentity(path: FilePath.folder(path) + configurationName) != nil
    else {
      throw .invalidConversion(
        reason: "there is no \(configurationName) beside \(checkpoint.name.quoted), which the "
          + "folder needs")
    }
    if let output { try SaveOutput.check(configuration(for: output), against: checkpoint) }
  }

  /// Where the configuration of a folder is that has weights at `path`.
  public static func configuration(for path: String) -> String {
    FilePath.folder(path) + configurationName
  }

  /// Whether a parameter is a matrix of a module that quantizers would take for a layer.
  private static func isModule(_ parameter: Parameter) -> Bool {
    guard parameter.shape.dimensions.count == 2, parameter.dtype.isFloatingPoint,
      parameter.name.hasSuffix(GridLayer.suffix)
    else { return false }
    switch parameter.place.role {
    case .linear, .auxiliary, .head, .router, .other: return true
    case .bias, .norm, .embedding, .buffer, .codes, .optimizer: return false
    }
  }

  /// Experts of a stack have no modules of their own.
  private static func check(
    _ layers: [GridLayer], against stacks: [StackedExperts]
  ) throws(CheckpointError) {
    let members = Set(stacks.lazy.flatMap(\.members).map(\.name))
    guard let layer = layers.first(where: { members.contains($0.name) }) else { return }
    throw .invalidConversion(
      reason: "\(layer.name.quoted) is one of the experts that the checkpoint has in one tensor; "
        + "--layers leaves them out")
  }

  private static func files(
    beside checkpoint: Checkpoint, _ quantization: JSON
  ) throws(CheckpointError) -> [(name: String, bytes: [UInt8])] {
    let folder = FilePath.folder(checkpoint.path ?? "")
    guard let bytes = try WholeFile.read(folder + configurationName, limit: Sidecars.limit) else {
      throw .cannotRead(path: folder + configurationName, reason: "it is gone")
    }
    let given = try JSON(Bytes(bytes))
    guard case .object = given else {
      throw .invalidConversion(
        reason: "\(configurationName) beside \(checkpoint.name.quoted) is no JSON object")
    }
    let configuration = given.without(quantizationKeys)
      .adding("quantization_config", quantization)
    var files = [(name: configurationName, bytes: Array((configuration.text + "\n").utf8))]
    for name in others + LeftBehind.found(beside: checkpoint.path) {
      if let bytes = try WholeFile.read(folder + name, limit: TokenizerFolder.byteLimit) {
        files.append((name, bytes))
      }
    }
    return files
  }
}

extension QuantizedFolderPlan: FilePlan {
  public var byteCount: Int { weights.byteCount }
  public var tensorCount: Int { weights.tensorCount }
  public var omissions: [String] { weights.omissions }
  public var losses: [SaveLoss] { weights.losses }

  /// The weights' path is the last.
  public func paths(for path: String) -> [String] {
    files.map { FilePath.folder(path) + $0.name } + [path]
  }

  @discardableResult
  public func write(
    to output: SaveOutput, recipe: String? = nil, syncing syncedAtOnce: Int,
    progress: (Double, String) -> Void, shouldStop: @Sendable () -> Bool
  ) throws -> Int {
    let others = files.map { FilePath.folder(output.path) + $0.name }
    try output.check(others, of: weights.source)
    let mayReplace = output.mayReplace
    let resumed = try weights.write(
      to: output, recipe: recipe, syncing: syncedAtOnce, progress: progress,
      shouldStop: shouldStop)
    for (path, file) in zip(others, files) {
      try WholeFile.write(file.bytes, to: path, overwrite: mayReplace)
    }
    return resumed
  }
}
