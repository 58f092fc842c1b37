internal import Backend
internal import Synchronization
internal import Tensors
internal import Transformers

/// Moves a network's parameters along their gradients. What it computes does not
/// depend on the number of threads.
public final class Optimizer {
  /// Values that one thread works on at a time.
  static let stretch = 1 << 16

  public var settings: OptimizerSettings
  /// Updates that were made.
  public internal(set) var steps = 0
  let network: TrainingNetwork
  /// What AdamW remembers, and Muon's momentum; of each tensor there is one.
  private(set) var moments: [Int: Moments] = [:]
  private(set) var momenta: [Int: AlignedBuffer] = [:]
  private let pieces: [Piece]
  private let updates: [Update]
  private let workers: [MuonWorker]

  /// A stretch of a tensor.
  private struct Piece {
    let tensor: TrainableTensor
    let range: Range<Int>
  }

  /// What one thread does at a time in an update.
  private enum Update {
    case muon(TrainableTensor, AlignedBuffer)
    case adamW(TrainableTensor, Moments, Range<Int>)
  }

  /// Begins with nothing remembered. Throws `BackendError`.
  public init(_ network: TrainingNetwork, _ settings: OptimizerSettings) throws {
    self.network = network
    self.settings = settings
    pieces = network.tensors.flatMap { tensor in
      Optimizer.stretches(tensor.shape.count).map { Piece(tensor: tensor, range: $0) }
    }
    let isMuons = { (tensor: TrainableTensor) in
      settings.method == .muon && tensor.isBlockMatrix
    }
    // The largest first, so that threads end together.
    let matrices = network.tensors.filter(isMuons).sorted { $0.shape.count > $1.shape.count }
    var updates: [Update] = []
    for tensor in matrices {
      let momentum = AlignedBuffer.zeros(tensor.shape.count)
      momenta[tensor.index] = momentum
      updates.append(.muon(tensor, momentum))
    }
    for tensor in network.tensors where !isMuons(tensor) {
      let kept = Moments(count: tensor.shape.count)
      moments[tensor.index] = kept
      updates += Optimizer.stretches(tensor.shape.count).map { .adamW(tensor, kept, $0) }
    }
    self.updates = updates
    let largest = matrices.first?.shape.count ?? 0
    workers = try (0..<(matrices.isEmpty ? 0 : network.crew.threads)).map { _ in
      try MuonWorker(room: largest, isHalf: network.isHalf)
    }
  }

  private static func stretches(_ count: Int) -> [Range<Int>] {
    stride(from: 0, to: count, by: stretch).map { $0..<min($0 + stretch, count) }
  }

  /// The gradients' norm over all parameters times `scale`, and the first tensor
  /// with a gradient that is not finite.
  public func gradientNorm(scale: Float = 1) -> (norm: Double, broken: TrainableTensor?) {
    var sums = [Double](repeating: 0, count: pieces.count)
    unsafe sums.withUnsafeMutableBufferPointer { sums in
      network.crew.run(pieces.count) { _, index in
        let piece = pieces[index]
        let start = unsafe piece.tensor.gradient.baseAddress.unsafelyUnwrapped
        unsafe sums[index] = Processor.squaredNorm(
          piece.range.count, start + piece.range.lowerBound)
      }
    }
    let broken = sums.firstIndex { !$0.isFinite }.map { pieces[$0].tensor }
    return (sums.reduce(0, +).squareRoot() * Double(scale), broken)
  }

  /// Makes one update with the gradients as they stand, times `scale`, and the
  /// learning rates times `factor`. Throws `BackendError`.
  public func update(factor: Double, scale: Float = 1) throws {
    steps += 1
    let failure = Mutex<(any Error)?>(nil)
    let factor = Float(factor)
    network.crew.run(updates.count) { worker, index in
      switch updates[index] {
      case .muon(let tensor, let momentum):
        do {
          try workers[worker].update(
            tensor, momentum, settings.muon, factor: factor, scale: scale)
        } catch {
          failure.withLock { $0 = error }
        }
      case .adamW(let tensor, let moments, let range):
        unsafe moments.update(
          range, tensor.start, UnsafePointer(tensor.gradient.baseAddress.unsafelyUnwrapped),
          settings.adamW, decays: tensor.isMatrix, step: steps, factor: factor,
          gradientScale: scale)
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
  }
}

/// One thread's room for Muon.
private final class MuonWorker {
  private let orthogonalizer: Orthogonalizer
  private let direction: AlignedBuffer

  init(room: Int, isHalf: Bool) throws {
    orthogonalizer = try Orthogonalizer(isHalf: isHalf)
    direction = AlignedBuffer(room)
  }

  func update(
    _ tensor: TrainableTensor, _ momentum: AlignedBuffer, _ rule: Muon, factor: Float,
    scale: Float
  ) throws {
    let (rows, columns, count) = (tensor.shape.rows, tensor.shape.columns, tensor.shape.count)
    guard count > 0 else { return }
    unsafe Processor.nesterov(
      count, scale: scale, momentum: rule.momentum,
      tensor.gradient.baseAddress.unsafelyUnwrapped, momentum.floats, into: direction.floats)
    let rate = rule.rate * factor
    let growth = max(1, Float(rows) / Float(columns)).squareRoot()
    try unsafe orthogonalizer.run(
      direction.floats, rows: rows, columns: columns, iterations: rule.iterations
    ) { result, isHalf in
      unsafe Processor.descend(
        count, shrink: rate * rule.decay, rate: rate * growth, result, isHalf: isHalf,
        tensor.start)
    }
  }
}
