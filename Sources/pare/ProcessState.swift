internal import Glibc
internal import Synchronization

/// What a shell or another program may have left odd about this process.
enum ProcessState {
  /// Whether SIGPIPE was to end this process when it started.
  private static let endsAtBrokenPipe = Atomic(false)

  /// Puts the process in order before any file is opened.
  static func prepare() {
    occupyStandardDescriptors()
    endsAtBrokenPipe.store(!Interrupt.isIgnored(SIGPIPE), ordering: .relaxed)
    // A write that fails is to return its error: a training run goes on when nobody reads
    // its progress any longer, and a file that grows too long is told of.
    _ = signal(SIGPIPE, SIG_IGN)
    _ = signal(SIGXFSZ, SIG_IGN)
  }

  /// Ends the process as a broken pipe ends other programs, unless the one that started
  /// it ignores SIGPIPE.
  static func endAtBrokenPipe() {
    guard endsAtBrokenPipe.load(ordering: .relaxed) else { return }
    _ = signal(SIGPIPE, SIG_DFL)
    raise(SIGPIPE)
  }

  /// Gives standard streams that are closed a descriptor that cannot be written or read.
  /// A checkpoint opened later would take their numbers, and output would go into it.
  private static func occupyStandardDescriptors() {
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO]
    where fcntl(descriptor, F_GETFD) == -1 && errno == EBADF {
      let mode = descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY
      // The lowest free number is this one.
      guard unsafe open("/dev/null", mode) == descriptor else { _exit(ExitStatus.failure.rawValue) }
    }
  }
}
