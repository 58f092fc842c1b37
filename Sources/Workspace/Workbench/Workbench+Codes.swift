internal import CheckpointIO
internal import Jobs
internal import Tensors

extension Workbench {
  /// Has the codes of a layer counted; `codesReady` brings them. A request for another
  /// layer of the same revision gives way.
  public func requestCodes(_ name: String, of id: RevisionID) {
    guard tree[id] != nil, let parameter = checkpoint.parameters[name] else { return }
    if let former = layerRequests.codes[id] {
      if former.name == name { return }
      abandon(former.job)
    }
    layerRequests.ticket += 1
    let ticket = layerRequests.ticket
    var plan = JobPlan<Never>(
      title: "codes of \(parameter.place.path)", kind: .statistics, isShown: false)
    plan.onEnd = { workbench in
      if workbench.layerRequests.codes[id]?.ticket == ticket {
        workbench.layerRequests.codes[id] = nil
      }
      return []
    }
    let checkpoint = checkpoint
    let job = start(plan, on: queues.layers, needing: id) { parameters, job, _ in
      guard let parameter = parameters[name] else { throw RevisionError("no tensor \(name)") }
      return try LayerCodes(of: parameter, in: checkpoint, revision: id, job: job)
    } onFinish: { _, codes in
      [.codesReady(codes)]
    }
    layerRequests.codes[id] = (name, ticket, job)
  }
}
