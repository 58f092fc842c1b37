internal import CheckpointIO
internal import Jobs
internal import Tensors

extension Workbench {
  /// Has the loss measured that each linear layer of a revision adds when it
  /// alone is disturbed; `sensitivity` brings them one by one.
  public func requestSensitivity(of id: RevisionID) {
    guard tree[id] != nil, whyNotRunnable == nil else { return }
    let meter = meter
    let names = checkpoint.parameters.linearLayers.map(\.name)
    var plan = JobPlan<[String: Double]>(
      title: "sensitivity of \(id)", kind: .measure, revision: id,
      retry: { workbench in
        workbench.requestSensitivity(of: id)
        return nil
      })
    plan.onPartial = { _, layers in [.sensitivity(id, layers)] }
    start(plan, on: queues.measurements, needing: id) { model, job, post in
      try meter.sensitivities(of: model, layers: names, in: job) { post([$0: $1]) }
    } onFinish: { _, _ in
      []
    }
  }
}
