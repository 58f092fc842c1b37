internal import CheckpointIO
internal import Tensors

/// How quickly a file opens, to a list of its tensors' names, types and shapes.
struct OpeningFigures {
  let name: String
  /// The shortest of some, files being in memory.
  let seconds: Double

  private static let runs = 5

  /// Throws `CheckpointError`.
  static func measure(_ path: String) throws -> OpeningFigures {
    let clock = ContinuousClock()
    var best = Duration.seconds(Int32.max)
    for _ in 0...runs {
      let time = try clock.measure {
        let listing = try Checkpoint.open(path).tensors.map { ($0.name, $0.dtypeName, $0.shape) }
        withExtendedLifetime(listing) {}
      }
      best = min(best, time)
    }
    let name = path.split(separator: "/").last.map { String($0) } ?? path
    return OpeningFigures(name: name, seconds: best / .seconds(1))
  }
}
