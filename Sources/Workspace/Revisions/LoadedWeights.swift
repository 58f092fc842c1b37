internal import CheckpointIO
public import Compression
public import Jobs
public import Tensors

/// Weights that no recipe makes: those of a training run, or of another file.
protocol GivenWeights: CompressionPass {}

/// The weights of another checkpoint of the same network, as a step in the tree of
/// revisions, so that two files stand side by side.
public struct LoadedWeights: GivenWeights {
  public static let name = "load"
  public static let summary = "the weights of another checkpoint of the same network"
  public static let dials: [Dial<LoadedWeights>] = []

  /// The file; nil for the compressed checkpoint that is part of the program.
  public let path: String?

  public init() { path = nil }

  init(path: String?) { self.path = path }

  public var title: String {
    path?.split(separator: "/").last.map(String.init) ?? Embedded.compressedName
  }

  /// Throws `CheckpointError`, also where its weights are codes that are not read.
  func open() throws(CheckpointError) -> Checkpoint {
    guard let path else { return try Embedded.openCompressed() }
    let checkpoint = try Checkpoint.open(path)
    try checkpoint.refuseUnreadCodes()
    return checkpoint
  }

  /// Throws `PassError` where the file cannot be read or is of another network.
  public func apply(
    to parameters: Parameters, layers: LayerSelection, in job: borrowing JobContext
  ) throws -> Parameters {
    let other: Parameters
    do {
      other = try open().parameters
    } catch {
      throw PassError("\(path ?? title): \(error)")
    }
    return try weights(of: other, for: parameters)
  }

  /// The tensors of `other` in the order of `parameters`. Throws `PassError`.
  func weights(of other: Parameters, for parameters: Parameters) throws -> Parameters {
    Parameters(
      try parameters.map { parameter in
        guard let loaded = other[parameter.name] else {
          throw PassError("\(title) is of another network: it has no \(parameter.name)")
        }
        guard loaded.shape == parameter.shape else {
          throw PassError(
            "\(title) is of another network: its \(parameter.name) is "
              + "\(loaded.shape.dimensions), here it is \(parameter.shape.dimensions)")
        }
        return loaded.knowingInputs(of: parameter)
      })
  }
}
