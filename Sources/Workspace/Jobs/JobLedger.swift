internal import Jobs

/// The main thread's book of jobs: what the screen shows of them, and what is
/// to be done with what they post.
struct JobLedger {
  typealias Fold = (Workbench, any Sendable) -> [WorkbenchEvent]

  /// A job that is not over.
  struct Entry {
    /// Nil while it waits for a revision's weights.
    var handle: JobHandle?
    let kind: JobRecord.Kind
    let isShown: Bool
    /// What it still posts is of no interest.
    var isStale = false
    let onPartial: Fold?
    let onFinish: Fold
    let onFailure: ((Workbench, String) -> [WorkbenchEvent])?
    let onCancel: ((Workbench) -> [WorkbenchEvent])?
    /// Called last, however the job ended.
    let onEnd: ((Workbench) -> [WorkbenchEvent])?
  }

  /// Records of jobs that are over are kept up to this number.
  private static let recordLimit = 200

  /// Those shown, oldest first.
  private(set) var records: [JobRecord] = []
  private var entries: [JobID: Entry] = [:]
  /// Starts a job anew; kept as long as its record.
  private var retries: [JobID: (Workbench) -> JobID?] = [:]
  private var nextNumber = 1

  /// Whether every job is over.
  var isIdle: Bool { entries.isEmpty }

  var liveIDs: [JobID] { entries.keys.sorted() }

  subscript(id: JobID) -> Entry? {
    get { entries[id] }
    set { entries[id] = newValue }
  }

  func record(_ id: JobID) -> JobRecord? { records.last { $0.id == id } }

  /// Numbers a new job.
  mutating func open(
    _ entry: Entry, title: String, revision: RevisionID?,
    retry: ((Workbench) -> JobID?)?
  ) -> JobID {
    let id = JobID(number: nextNumber)
    nextNumber += 1
    entries[id] = entry
    guard entry.isShown else { return id }
    records.append(JobRecord(id: id, title: title, kind: entry.kind, revision: revision))
    retries[id] = retry
    forgetOldest()
    return id
  }

  /// Takes out a job that is over.
  mutating func close(_ id: JobID) -> Entry? { entries.removeValue(forKey: id) }

  /// Changes a record, and tells the screen.
  mutating func update(_ id: JobID, _ change: (inout JobRecord) -> Void) -> [WorkbenchEvent] {
    guard let position = records.lastIndex(where: { $0.id == id }) else { return [] }
    change(&records[position])
    if records[position].state.isOver, records[position].endedAt == nil {
      records[position].endedAt = .now
      records[position].canRetry = records[position].state != .done && retries[id] != nil
      if !records[position].canRetry { retries[id] = nil }
    }
    return [.jobChanged(records[position])]
  }

  /// What starts a failed or cancelled job anew.
  func retry(of id: JobID) -> ((Workbench) -> JobID?)? {
    record(id)?.canRetry == true ? retries[id] : nil
  }

  private mutating func forgetOldest() {
    guard records.count > Self.recordLimit,
      let oldest = records.firstIndex(where: { $0.state.isOver })
    else { return }
    retries[records[oldest].id] = nil
    records.remove(at: oldest)
  }
}
