internal import Jobs
internal import Tensors
internal import Transformers

extension Workbench {
  /// Has revisions continue a prompt, each with the same seed, one after the
  /// other; `sample` events bring the text as it is written. Takes the place
  /// of what was being written before.
  ///
  /// `count` tokens at most; temperature 0 takes the likeliest each time.
  public func sample(
    _ ids: [RevisionID], prompt: String, seed: UInt64, count: Int, temperature: Double
  ) {
    stopSampling()
    let request = SampleRequest(
      prompt: .text(prompt), count: count, sampling: Sampling(temperature: temperature, seed: seed))
    sampling = ids.filter { tree[$0] != nil }.map { write($0, request) }
  }

  /// Stops writing samples.
  public func stopSampling() {
    for id in sampling { abandon(id) }
    sampling = []
  }

  private func write(_ id: RevisionID, _ request: SampleRequest) -> JobID {
    var plan = JobPlan<SampleText>(title: "write with \(id)", kind: .sample, revision: id)
    plan.onPartial = { _, sample in [sample.event(id, isDone: false)] }
    let meter = meter
    return start(plan, on: queues.samples, needing: id) { model, job, post in
      try meter.write(request, with: model, in: job, post)
    } onFinish: { _, sample in
      [sample.event(id, isDone: true)]
    }
  }
}

extension SampleText {
  fileprivate func event(_ id: RevisionID, isDone: Bool) -> WorkbenchEvent {
    .sample(id, text: text, tokensPerSecond: tokensPerSecond, isDone: isDone)
  }
}
