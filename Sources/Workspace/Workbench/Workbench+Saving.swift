internal import CheckpointIO
public import Jobs
internal import Tensors

extension Workbench {
  /// Writes a revision to a file in the background; `saved` tells when it is
  /// on the disk. An existing file is replaced only where `overwrite` says so,
  /// and the open checkpoint never. A save that was stopped is gone on with by the
  /// next one of the same revision to the same path.
  @discardableResult
  public func save(
    _ id: RevisionID, to path: String, as request: SaveRequest, overwrite: Bool = false
  ) -> JobID {
    var plan = JobPlan<PlannedSave>(
      title: "save \(id) to \(path)", kind: .save, revision: id,
      retry: { $0.save(id, to: path, as: request, overwrite: overwrite) })
    plan.onCancel = { _ in
      UnfinishedSave.file(for: path).map { [.saveStopped(kept: $0)] } ?? []
    }
    let checkpoint = checkpoint
    plan.onPartial = { _, planned in
      [
        .saveGrows(
          path: path, from: checkpoint.fileByteCount, to: planned.plan.byteCount)
      ]
    }
    // Weights that no recipe makes may be others the next time.
    let recipe = tree.recipe(to: id)?.yaml
    return start(plan, on: queues.passes, needing: id) { model, job, post in
      let output = try SaveOutput(path, overwrite: overwrite)
      let planned = try Saving.plan(
        model, of: checkpoint, as: request, to: path, in: job.part(Saving.planning))
      let plan = planned.plan
      if planned.isLarger(than: checkpoint) { post(planned) }
      let resumed = try Saving.write(
        plan, to: output, recipe: recipe, in: job.part(Saving.writing))
      let nonFinite =
        try plan.losses.contains(where: \.changesValues)
        ? NonFiniteWeights(
          in: Checkpoint.open(plan.paths(for: path).last ?? path), job: job.part(1...1)) : nil
      return SavedFile(
        path: path, byteCount: plan.byteCount, tensorCount: plan.tensorCount, resumed: resumed,
        losses: plan.losses, notes: (plan as? GGUFPlan)?.notes ?? [], nonFinite: nonFinite)
    } onFinish: { _, file in
      [.saved(id, file)]
    }
  }
}
