internal import CheckpointIO
internal import Jobs
internal import Tensors

/// What of training is being written beside the session.
struct KeepingState {
  let keeper = WeightKeeper()
  var writing: Set<RevisionID> = []
  /// Those that could not be written, and why.
  var refused: [RevisionID: String] = [:]
  /// Bytes that the files of one session may take.
  var byteLimit = KeptWeights.byteLimit
}

extension Workbench {
  /// The training run that was begun last and is stopped, if its state is there to go on from.
  public var stoppedRun: String? {
    guard training == nil, let run = startedRun, TrainingState.isThere(for: run.output) else {
      return nil
    }
    return run.output
  }

  /// Has the weights that training made and no longer changes written beside the session.
  func keepTrained() {
    for revision in tree.revisions {
      let id = revision.id
      guard let trained = revision.trainedWeights, let weights = trained.weights,
        id != liveTraining || !tree.children(of: id).isEmpty,
        !keeping.writing.contains(id), keeping.refused[id] == nil
      else { continue }
      guard let folder = weightsFolder else {
        announce(refuseToKeep(id, "no session is kept"))
        continue
      }
      keeping.writing.insert(id)
      let mailbox = mailbox
      keeping.keeper.keep(
        WeightKeeper.Request(
          parameters: weights, metadata: SavePlan.metadata(of: checkpoint), folder: folder,
          logPath: trained.output.map { TrainingLog.path(for: $0) }, step: trained.step,
          byteLimit: keeping.byteLimit)
      ) { mailbox.post(.kept(id, $0)) }
    }
  }

  /// Takes in what became of a file of weights.
  func fold(kept id: RevisionID, _ outcome: Result<String, SessionError>) -> [WorkbenchEvent] {
    keeping.writing.remove(id)
    guard let trained = tree[id]?.trainedWeights else {
      // Deleted meanwhile.
      if case .success(let path) = outcome { discardFile(path) }
      return []
    }
    switch outcome {
    case .success(let path):
      tree.setStored(trained.stored(in: path), of: id)
      persist()
      return []
    case .failure(let error): return refuseToKeep(id, "\(error)")
    }
  }

  private func refuseToKeep(_ id: RevisionID, _ reason: String) -> [WorkbenchEvent] {
    keeping.refused[id] = reason
    return [.notKept(id, reason)]
  }

  /// Returns once no weights are being written any more.
  func waitForWeights() {
    while !keeping.writing.isEmpty {
      mailbox.wait(milliseconds: 100)
      let events = receive()
      waiting += events
    }
  }
}
