internal import CheckpointIO
internal import Tensors

/// How quickly a file opens, to a list of its tensors' names, types and shapes, and
/// to a model: the same with every parameter and its block.
struct OpeningFigures {
  let name: String
  /// The shortest of some, files being in memory.
  let seconds: Double
  let modelSeconds: Double

  private static let runs = 5

  /// Throws `CheckpointError`.
  static func measure(_ path: String) throws -> OpeningFigures {
    let list = try shortest {
      let tensors = try Checkpoint.open(path).tensors
      return tensors.map { ($0.name, $0.dtypeName, $0.shape) }
    }
    let model = try shortest {
      let checkpoint = try Checkpoint.open(path)
      let tensors = checkpoint.tensors.map { ($0.name, $0.dtypeName, $0.shape) }
      return (tensors, checkpoint.parameters, checkpoint.blockMap)
    }
    let name = path.split(separator: "/").last.map { String($0) } ?? path
    return OpeningFigures(name: name, seconds: list, modelSeconds: model)
  }

  /// What was made is given back within the time, as in the peers' figures.
  private static func shortest<Listing>(_ open: () throws -> Listing) throws -> Double {
    let clock = ContinuousClock()
    var best = Duration.seconds(Int32.max)
    for _ in 0...runs {
      best = min(best, try clock.measure { try withExtendedLifetime(open()) {} })
    }
    return best / .seconds(1)
  }
}
