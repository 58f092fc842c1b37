internal import ArgumentParser
internal import Glibc
internal import Tokenizers
internal import Workspace

/// How a prompt is put to a model that was trained on conversations.
struct ChatOptions: ParsableArguments {
  @Flag(help: "Ask the prompt as a question, written by the model's chat template.")
  var chat = false

  @Option(help: ArgumentHelp("What the model is told first, with --chat.", valueName: "text"))
  var system: String?

  @Option(
    help: ArgumentHelp(
      "The day that chat templates tell the model. (default: today)", valueName: "yyyy-mm-dd"))
  var date: String?

  func validate() throws {
    if !chat, let option = system != nil ? "--system" : date != nil ? "--date" : nil {
      throw ValidationError("\(option) needs --chat")
    }
    if let date, ChatDate(date) == nil {
      throw ValidationError("--date is a day as 2026-01-31, not \(date)")
    }
  }

  /// Nil without `--chat`. Throws `UsageError` where there is no question.
  func conversation(question: String?) throws -> Conversation? {
    guard chat else { return nil }
    guard let question else { throw UsageError("--chat needs a question, --prompt") }
    guard let date = date.map({ ChatDate($0) }) ?? Self.now else {
      throw CommandError("the clock cannot be read; --date gives the day")
    }
    return Conversation(system: system, question: question, date: date)
  }

  private static var now: ChatDate? {
    var seconds = time_t()
    // Unsafe for the name of the time zone in it, which is not read.
    var parts = unsafe tm()
    guard unsafe time(&seconds) != -1, unsafe localtime_r(&seconds, &parts) != nil else {
      return nil
    }
    // A leap second is the one before it.
    return unsafe ChatDate(
      year: Int(parts.tm_year) + 1900, month: Int(parts.tm_mon) + 1, day: Int(parts.tm_mday),
      hour: Int(parts.tm_hour), minute: Int(parts.tm_min), second: min(Int(parts.tm_sec), 59))
  }
}
