internal import ArgumentParser
internal import Glibc

/// How much of the machine a command uses; the result never depends on it.
struct ThreadOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Threads to use. (default: one for each core)", valueName: "number"))
  var threads: Int?

  /// More would only wait for one another.
  private static let limit = 1024

  var count: Int { threads ?? max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

  func validate() throws {
    guard let threads, !(1...Self.limit).contains(threads) else { return }
    throw ValidationError("--threads is a whole number from 1 to \(Self.limit), not \(threads)")
  }
}
