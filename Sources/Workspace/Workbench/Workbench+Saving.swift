public import CheckpointIO
public import Jobs
internal import Tensors

/// The plan that was asked for last.
struct SavePlanState {
  var revision: RevisionID?
  var form: SaveForm?
  var plan: SavePlan?
  var job: JobID?
}

extension Workbench {
  /// Writes a revision to a file in the background; `saved` tells when it is
  /// on the disk. An existing file is replaced only where `overwrite` says so,
  /// and the open checkpoint never.
  @discardableResult
  public func save(
    _ id: RevisionID, to path: String, form: SaveForm, overwrite: Bool = false
  ) -> JobID {
    let plan = JobPlan<Never>(
      title: "save \(id) to \(path)", kind: .save, revision: id,
      retry: { $0.save(id, to: path, form: form, overwrite: overwrite) })
    let checkpoint = checkpoint
    return start(plan, on: queues.passes, needing: id) { parameters, job, _ in
      try Saving.save(
        parameters, of: checkpoint, to: path, form: form, overwrite: overwrite, in: job
      ).byteCount
    } onFinish: { _, bytes in
      [.saved(path: path, bytes: bytes)]
    }
  }

  /// What a save would write, once that is computed; asking starts it, and the
  /// mailbox rings when it is done.
  public func planSave(_ id: RevisionID, form: SaveForm) -> SavePlan? {
    if savePlan.revision == id, savePlan.form == form { return savePlan.plan }
    if let job = savePlan.job { abandon(job) }
    savePlan = SavePlanState(revision: id, form: form)
    guard tree[id] != nil else { return nil }
    let request = JobPlan<Never>(title: "plan \(id)", kind: .statistics, isShown: false)
    let checkpoint = checkpoint
    savePlan.job = start(request, on: queues.sizes, needing: id) { parameters, job, _ in
      try Saving.plan(parameters, of: checkpoint, form: form, in: job)
    } onFinish: { workbench, plan in
      workbench.savePlan.plan = plan
      workbench.savePlan.job = nil
      return []
    }
    return nil
  }
}
