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

  /// What the libraries and a small model take. With less, threads and memory run out in
  /// code that cannot say so.
  private static let leastAddressSpace: rlim_t = 512 << 20

  /// Throws `CommandError` where the address space is limited to too little.
  static func checkAddressSpace() throws {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0,
      limit.rlim_cur != rlim_t.max
    else { return }
    guard limit.rlim_cur >= leastAddressSpace else {
      throw CommandError(
        "the address space is limited to \(limit.rlim_cur >> 20) MB (ulimit -v); Pare needs "
          + "\(leastAddressSpace >> 20) MB and more for large models")
    }
    // The libraries end the process where memory runs out.
    for number in [SIGABRT, SIGILL, SIGTRAP] {
      _ = signal(number) { _ in
        let text: StaticString = "pare: ended, most likely for want of memory; see ulimit -v\n"
        unsafe _ = write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
        _exit(1)
      }
    }
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
