internal import CheckpointIO
internal import Glibc
internal import Models
internal import Training
internal import Transformers

/// How quick training is, in tokens a second: batches of 16 windows of 256 tokens (or
/// the context's length), AdamW, no dropout, the best precision.
struct TrainingFigures {
  let plain: Double
  /// With self-compression, all channels there.
  let compressing: Double
  /// With self-compression, 70 % of the channels gone.
  let compressed: Double
  /// The most memory the process held so far, in bytes.
  let memory: Double

  private static let batch = 16
  private static let length = 256
  private static let repetitions = 4
  private static let goneShare = 0.7

  /// nil for a model that does not run.
  static func measure(_ checkpoint: Checkpoint, threads: Int) throws -> TrainingFigures? {
    guard
      Network.obstacle(
        of: checkpoint.parameters, configuration: checkpoint.configuration) == nil
    else { return nil }
    let network = try TrainingNetwork(
      checkpoint.parameters, configuration: checkpoint.configuration, precision: .bf16,
      threads: threads)
    let plain = try rate(network, nil)
    let memory = residentPeak()
    let compression = try SelfCompression(network, CompressionSettings())
    let compressing = try rate(network, compression)
    // Which channels go is the same each time; they are spread over all layers.
    compression.setDepths { name, row, depth in
      let hash = UInt64(row) &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(name.utf8.count) &* 0xBF58_476D
      let mixed = (hash ^ (hash >> 29)) &* 0x94D0_49BB_1331_11EB
      return Double(mixed >> 11) * 0x1p-53 < goneShare ? 0 : depth
    }
    _ = network.removeDeadChannels()
    return TrainingFigures(
      plain: plain, compressing: compressing, compressed: try rate(network, compression),
      memory: memory)
  }

  private static func rate(
    _ network: TrainingNetwork, _ compression: SelfCompression?
  ) throws -> Double {
    let length = min(length, network.configuration.context)
    let count = batch * length
    let vocabulary = network.configuration.vocabulary
    let tokens = (0..<count + 1).map { Int32($0 &* 7919 % vocabulary) }
    let optimizer = try Optimizer(
      network, OptimizerSettings(method: .adamw, adamW: AdamW(rate: 0)))
    let clock = ContinuousClock()
    var best = 0.0
    for _ in 0...repetitions {
      let time = try clock.measure {
        _ = try network.gradients(
          Array(tokens.dropLast()), Array(tokens.dropFirst()), sequences: batch, length: length)
        compression?.convertGradients()
        _ = optimizer.gradientNorm()
        try optimizer.update(factor: 1)
      }
      let seconds =
        Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
      best = max(best, Double(count) / seconds)
    }
    return best
  }

  private static func residentPeak() -> Double {
    var usage = rusage()
    guard unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
    // Linux counts in kibibytes.
    return Double(usage.ru_maxrss) * 1024
  }
}
