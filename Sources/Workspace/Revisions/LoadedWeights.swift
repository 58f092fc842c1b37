internal import CheckpointIO
internal import Models
internal import Tensors

/// The weights of another checkpoint of the same network, so that two files stand side by
/// side.
public struct LoadedWeights: Sendable, Hashable {
  /// The file; nil for the compressed checkpoint that is part of the program.
  public let path: String?

  init(path: String?) { self.path = path }

  var title: String {
    path?.split(separator: "/").last.map(String.init) ?? Embedded.compressedName
  }

  /// Throws `CheckpointError`, also where its weights are codes that are not read.
  func open() throws(CheckpointError) -> Checkpoint {
    guard let path else { return try Embedded.openCompressed() }
    let checkpoint = try Checkpoint.open(path)
    try checkpoint.refuseUnreadCodes()
    return checkpoint
  }

  /// Its tensors in the order of `model`'s, and how wide its blocks are. Throws `RevisionError`
  /// where the file cannot be read or is of another network.
  func model(for model: ModelState) throws(RevisionError) -> ModelState {
    let other: ModelState
    do {
      other = try open().model
    } catch {
      throw RevisionError("\(path ?? title): \(error)")
    }
    return try self.model(of: other, for: model)
  }

  /// The tensors of `other` in the order of `model`'s. Where one of the two is sliced, layers of
  /// blocks may have other shapes, or be missing. Throws `RevisionError`.
  func model(of other: ModelState, for model: ModelState) throws(RevisionError) -> ModelState {
    let widths = ModelConfig.widthSettings.map { ($0, other.configuration[$0]) }
    let isReshaped = widths.contains { $1 != model.configuration[$0] }
    var list: [Parameter] = []
    for parameter in model.parameters {
      let mayDiffer = isReshaped && parameter.place.block != nil
      guard let loaded = other.parameters[parameter.name] else {
        if mayDiffer { continue }
        throw RevisionError("\(title) is of another network: it has no \(parameter.name)")
      }
      guard loaded.shape == parameter.shape || mayDiffer else {
        throw RevisionError(
          "\(title) is of another network: its \(parameter.name) is "
            + "\(loaded.shape.dimensions), here it is \(parameter.shape.dimensions)")
      }
      list.append(loaded.shape == parameter.shape ? loaded.knowingInputs(of: parameter) : loaded)
    }
    var configuration = model.configuration
    for (name, width) in widths { configuration[name] = width }
    return ModelState(Parameters(list), configuration: configuration, texts: model.texts)
  }
}
