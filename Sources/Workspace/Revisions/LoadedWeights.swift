internal import CheckpointIO
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

  /// Its tensors in the order of `parameters`. Throws `RevisionError` where the file cannot be
  /// read or is of another network.
  func weights(for parameters: Parameters) throws(RevisionError) -> Parameters {
    let other: Parameters
    do {
      other = try open().parameters
    } catch {
      throw RevisionError("\(path ?? title): \(error)")
    }
    return try weights(of: other, for: parameters)
  }

  /// The tensors of `other` in the order of `parameters`. Throws `RevisionError`.
  func weights(of other: Parameters, for parameters: Parameters) throws(RevisionError) -> Parameters
  {
    var list: [Parameter] = []
    for parameter in parameters {
      guard let loaded = other[parameter.name] else {
        throw RevisionError("\(title) is of another network: it has no \(parameter.name)")
      }
      guard loaded.shape == parameter.shape else {
        throw RevisionError(
          "\(title) is of another network: its \(parameter.name) is "
            + "\(loaded.shape.dimensions), here it is \(parameter.shape.dimensions)")
      }
      list.append(loaded.knowingInputs(of: parameter))
    }
    return Parameters(list)
  }
}
