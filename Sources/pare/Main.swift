internal import ArgumentParser
internal import CheckpointIO
internal import Glibc
internal import Jobs

/// Where the program starts, and the one place that decides how it ends: 0 when
/// all went well, 1 when something failed, 2 when the words on the command line
/// made no sense, 130 when it was interrupted.
@main
enum Main {
  static func main() {
    ProcessState.prepare()
    let status = run(Array(CommandLine.arguments.dropFirst()))
    if status == .success { StandardOutput.close() }
    end(status)
  }

  /// Ends the program because standard output could not be written: quietly at a broken
  /// pipe, else with a sentence.
  static func endUnwritten(_ error: Int32) -> Never {
    if error == EPIPE { ProcessState.endAtBrokenPipe() }
    let reason = unsafe String(cString: strerror(error))
    StandardError.write("pare: standard output cannot be written: \(reason)\n")
    end(.failure)
  }

  private static func end(_ status: ExitStatus) -> Never {
    // A background job may still be on its way to the next check, in code that
    // the libraries' own clean-up at `exit` would take away under it.
    fflush(nil)
    _exit(status.rawValue)
  }

  /// Runs the command that `arguments` name and tells how it went.
  private static func run(_ arguments: [String]) -> ExitStatus {
    var command: any ParsableCommand
    do {
      try FirstWord.check(arguments)
      command = try Pare.parseAsRoot(arguments)
    } catch {
      return end(with: error)
    }
    do {
      try ProcessState.checkAddressSpace()
      try command.run()
      return .success
    } catch {
      return end(with: error)
    }
  }

  /// Prints what an error has to say, where it belongs.
  private static func end(with error: any Error) -> ExitStatus {
    if error is Cancelled || error as? CheckpointError == .stopped { return .interrupted }
    if isOwn(error) {
      StandardError.write("pare: \(sentence(for: error))\n")
      return error is UsageError ? .usage : .failure
    }
    if Pare.exitCode(for: error).isSuccess {
      StandardOutput.write(Array((RootHelp.text(Pare.fullMessage(for: error)) + "\n").utf8))
      return .success
    }
    StandardError.write("pare: \(sentence(Pare.message(for: error)))\n")
    return .usage
  }

  /// Errors of the parser describe themselves through the command; all others
  /// are ours.
  private static func isOwn(_ error: any Error) -> Bool {
    String(reflecting: type(of: error)).hasPrefix("ArgumentParser.") == false
  }
}

/// How the program ends, as the shell sees it.
enum ExitStatus: Int32 {
  case success = 0
  case failure = 1
  case usage = 2
  case interrupted = 130
}
