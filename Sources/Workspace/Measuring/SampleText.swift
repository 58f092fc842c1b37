internal import Jobs
internal import Tensors
internal import Transformers

/// What is to be written.
struct SampleRequest: Sendable {
  let prompt: String
  let count: Int
  let sampling: Sampling
}

/// What has been written so far, without the prompt.
struct SampleText: Sendable {
  var text = ""
  var tokens: [Int] = []
  var tokensPerSecond = 0.0
}

extension LossMeter {
  /// Has a model continue a prompt; `post` gets the text as it grows. An empty
  /// prompt is a line's end. Throws `Cancelled`, `TextError`, `NetworkError`,
  /// and what reading a tensor throws.
  func write(
    _ request: SampleRequest, with parameters: Parameters, in job: borrowing JobContext,
    _ post: (SampleText) -> Void
  ) throws -> SampleText {
    let (network, coder) = try writer(of: parameters)
    let prompt = try coder.encode(prompt: request.prompt.isEmpty ? "\n" : request.prompt)
    var stream = TextStream(coder)
    let (shouldStop, report) = (job.shouldStop, job.reporter)
    let throttle = ProgressThrottle()
    var sample = SampleText()
    var clock = WorkClock()
    let generation = try network.generate(
      prompt: prompt, count: request.count, sampling: request.sampling, threads: job.threads
    ) { token in
      if token == coder.lastToken { return false }
      sample.tokens.append(token)
      sample.text += stream.append(token)
      sample.tokensPerSecond = Double(sample.tokens.count) / clock.seconds
      let share = Double(sample.tokens.count) / Double(max(request.count, 1))
      if throttle.admits(Progress(fraction: share)) {
        report(share, "")
        post(sample)
      }
      return !clock.leavingOut(shouldStop)
    }
    sample.text += stream.finish()
    try job.checkpoint()
    if clock.hasPaused == false { sample.tokensPerSecond = generation.tokensPerSecond }
    return sample
  }
}

/// Time at work, without what passes while a job is held.
private struct WorkClock {
  private var start = ContinuousClock.now
  private(set) var hasPaused = false

  /// Never 0.
  var seconds: Double { max((ContinuousClock.now - start) / .seconds(1), 1e-9) }

  mutating func leavingOut(_ question: () -> Bool) -> Bool {
    let before = ContinuousClock.now
    let answer = question()
    let held = ContinuousClock.now - before
    if held > .milliseconds(1) { hasPaused = true }
    start += held
    return answer
  }
}
