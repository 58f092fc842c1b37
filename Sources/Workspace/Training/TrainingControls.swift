internal import Synchronization

/// What somebody who watches a training run wishes of it. The run takes the wishes
/// between two steps; of two wishes for the same the later one counts. Safe to use
/// from any thread.
public final class TrainingControls: Sendable {
  /// What is to be done before the next step.
  struct Wishes {
    var gamma: Double?
    var rateFactor: Double?
    var save = false
    var branch = false
    /// Whether somebody looks at the weights.
    var weights = false
  }

  /// Weights are shown no more often than this.
  private static let interval = Duration.seconds(1)

  private struct State {
    var wishes = Wishes()
    var lastWeights: ContinuousClock.Instant?
  }

  private let state = Mutex(State())

  public init() {}

  /// Wishes a change.
  public func wish(_ change: TrainingChange) {
    state.withLock { state in
      switch change {
      case .gamma(let gamma): state.wishes.gamma = gamma
      case .rateFactor(let factor): state.wishes.rateFactor = factor
      case .save: state.wishes.save = true
      case .branch: state.wishes.branch = true
      }
    }
  }

  /// Wishes to see the weights, once a second at most.
  public func follow() { state.withLock { $0.wishes.weights = true } }

  /// The wishes, which are then forgotten; a look at the weights stays wished until
  /// it is due.
  func take(at now: ContinuousClock.Instant) -> Wishes {
    state.withLock { state in
      var taken = state.wishes
      state.wishes = Wishes()
      guard taken.weights else { return taken }
      if let last = state.lastWeights, now - last < Self.interval {
        taken.weights = false
        state.wishes.weights = true
      } else {
        state.lastWeights = now
      }
      return taken
    }
  }
}

/// What can be changed while training goes on.
public enum TrainingChange: Sendable, Hashable {
  /// The price of one bit per weight, in nats.
  case gamma(Double)
  /// By what the schedule's learning rates are multiplied.
  case rateFactor(Double)
  /// Write the checkpoint and the state now.
  case save
  /// Keep the weights as they are as a revision.
  case branch
}
