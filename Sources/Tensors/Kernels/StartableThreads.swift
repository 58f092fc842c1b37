#if canImport(Glibc)
  import Glibc
#endif

/// Threads that the system lets this process start.
///
/// Dispatch tries again for ever when a thread cannot be started, because of a limit on
/// processes or on the address space. So it is tried before, and no more are asked for.
public enum StartableThreads {
  /// How many of `limit` threads can be started at a time. Costs some microseconds each.
  public static func count(upTo limit: Int) -> Int {
    #if canImport(Glibc)
      let gate = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
      unsafe pthread_mutex_init(gate, nil)
      unsafe pthread_mutex_lock(gate)
      var threads: [pthread_t] = []
      while threads.count < limit {
        var thread = pthread_t()
        let status = unsafe pthread_create(
          &thread, nil,
          { gate in
            // Waits until all are started.
            let gate = unsafe gate?.assumingMemoryBound(to: pthread_mutex_t.self)
            guard let gate = unsafe gate else { return nil }
            unsafe pthread_mutex_lock(gate)
            unsafe pthread_mutex_unlock(gate)
            return nil
          }, gate)
        guard status == 0 else { break }
        threads.append(thread)
      }
      unsafe pthread_mutex_unlock(gate)
      for thread in threads { pthread_join(thread, nil) }
      unsafe pthread_mutex_destroy(gate)
      unsafe gate.deallocate()
      return threads.count
    #else
      return limit
    #endif
  }
}
