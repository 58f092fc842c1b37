/// Where values of all tokens are while a block runs.
public enum Slot: Sendable, Hashable, CaseIterable {
  /// The residual stream.
  case residual
  case normed
  /// What the MLP reads where that is not what attention read.
  case mlpInput
  case query, key, value
  /// What attention gives, before its output layer.
  case mixed
  case gate, up
  /// What attention or MLP gives.
  case branch
}

/// One thing that a block does, as data: executors run them, planners read them.
public enum BlockStep: Sendable, Hashable {
  case norm(TensorRole, Slot, into: Slot)
  case linear(TensorRole, Slot, into: Slot)
  /// A norm of each head, or over all heads, of queries or keys.
  case headNorm(TensorRole, Slot)
  case rope(Slot)
  case attend
  /// The gate's function, times up where the MLP is gated; into the gate.
  case activate
  case experts(Slot, into: Slot)
  /// Adds the branch to the residual stream.
  case add
}

extension ModelConfig {
  /// What a block does, in order.
  public func steps(of block: Int) -> [BlockStep] {
    let isBefore = norms != .behind
    let isBehind = norms != .before
    var steps: [BlockStep] = []
    if isBefore { steps.append(.norm(.attentionNorm, .residual, into: .normed)) }
    if isParallel { steps.append(.norm(.mlpNorm, .residual, into: .mlpInput)) }
    let attended: Slot = isBefore ? .normed : .residual
    steps += [
      .linear(.query, attended, into: .query), .linear(.key, attended, into: .key),
      .linear(.value, attended, into: .value),
    ]
    if headNorms != .none {
      steps += [.headNorm(.queryNorm, .query), .headNorm(.keyNorm, .key)]
    }
    if attention[block].rope != nil { steps += [.rope(.query), .rope(.key)] }
    steps += [.attend, .linear(.attentionOutput, .mixed, into: .branch)]
    if isBehind { steps.append(.norm(.attentionPostNorm, .branch, into: .branch)) }
    steps.append(.add)
    let read: Slot = isParallel ? .mlpInput : isBefore ? .normed : .residual
    if isBefore, !isParallel { steps.append(.norm(.mlpNorm, .residual, into: .normed)) }
    if experts(of: block) != nil {
      steps.append(.experts(read, into: .branch))
    } else {
      steps.append(.linear(isGated ? .gate : .up, read, into: .gate))
      if isGated { steps.append(.linear(.up, read, into: .up)) }
      steps += [.activate, .linear(.down, .gate, into: .branch)]
    }
    if isBehind { steps.append(.norm(.mlpPostNorm, .branch, into: .branch)) }
    return steps + [.add]
  }
}
