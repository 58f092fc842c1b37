internal import Jobs
internal import Models
public import Tokenizers
internal import Transformers

/// A question to a model, and what it is told before.
public struct Conversation: Sendable, Equatable {
  public let system: String?
  public let question: String
  /// For templates that tell the model the date.
  public let date: ChatDate

  public init(system: String?, question: String, date: ChatDate) {
    (self.system, self.question, self.date) = (system, question, date)
  }

  var messages: [ChatMessage] {
    [
      system.map { ChatMessage(role: "system", content: $0) },
      ChatMessage(role: "user", content: question),
    ].compactMap { $0 }
  }
}

/// What a model goes on with.
public enum Prompt: Sendable, Equatable {
  /// An empty one is a line's end.
  case text(String)
  /// By the model's chat template.
  case conversation(Conversation)
}

/// What is to be written.
struct SampleRequest: Sendable {
  let prompt: Prompt
  let count: Int
  let sampling: Sampling
}

/// What has been written so far, without the prompt.
struct SampleText: Sendable {
  /// As the model was given it.
  var prompt = ""
  var text = ""
  var tokens: [Int] = []
  var tokensPerSecond = 0.0
}

extension LossMeter {
  /// Has a model continue a prompt; `post` gets the text as it grows. Throws `Cancelled`,
  /// `TextError`, `ChatTemplateError`, `NetworkError`, and what reading a tensor throws.
  func write(
    _ request: SampleRequest, with model: ModelState, in job: borrowing JobContext,
    _ post: (SampleText) -> Void
  ) throws -> SampleText {
    let (network, coder) = try writer(of: model)
    var sample = SampleText()
    let (prompt, endings): ([Int], Set<Int>)
    switch request.prompt {
    case .text(let text):
      sample.prompt = text
      prompt = try coder.encode(prompt: text.isEmpty ? "\n" : text)
      endings = coder.endings(inConversation: false)
    case .conversation(let conversation):
      sample.prompt = try coder.text(of: conversation)
      prompt = try coder.encode(complete: sample.prompt)
      endings = coder.endings(inConversation: true)
      guard !prompt.isEmpty else {
        throw TextError("the chat template writes nothing of this conversation")
      }
    }
    let context = network.configuration.context
    // A network of characters goes on from the end of a longer text.
    if case .tokenizer = coder, prompt.count > context {
      throw NetworkError.contextOverflow(tokens: prompt.count, context: context)
    }
    var stream = TextStream(coder)
    let (shouldStop, report) = (job.shouldStop, job.reporter)
    let throttle = ProgressThrottle()
    var clock = WorkClock()
    let generation = try network.generate(
      prompt: prompt, count: request.count, sampling: request.sampling, threads: job.threads
    ) { token in
      if endings.contains(token) { return false }
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
