internal import CheckpointIO
internal import Compression
public import Jobs
internal import Models
internal import Tensors

extension Workbench {
  /// Searches the mix of quantizers that brings a revision's packed file to
  /// `bytes` or less with the least error, and then runs it as passes.
  @discardableResult
  public func reach(_ bytes: Int, from id: RevisionID) -> JobID {
    let checkpoint = checkpoint
    let plan = JobPlan<Never>(
      title: "find a mix for \(ByteSize(byteCount: bytes))", kind: .pass, revision: id,
      retry: { $0.reach(bytes, from: id) })
    return start(plan, on: queues.passes, needing: id) { model, job, _ -> [Step] in
      let whole = try Saving.plan(model, of: checkpoint, form: .packed, in: job.part(0...0))
      let linear = LayerSelection.all.of(model.parameters)
      var taken = 0
      for layer in linear {
        taken += SavePlan.packedByteCount(of: layer, try layer.loaded(in: job))
      }
      // What the header will say of the packed tensors is known only roughly.
      let margin = 512 * linear.count
      let rest = whole.byteCount - taken + margin
      do {
        return try MixSearch.steps(for: model.parameters, budget: bytes - rest, in: job) {
          SavePlan.packedByteCount(of: $0, try $0.loaded(in: job))
        }
      } catch let error as MixSearch.Unreachable {
        throw SavingError(
          "no mix of quantizers makes a file of \(ByteSize(byteCount: bytes)); the smallest that "
            + "can be reached is \(ByteSize(byteCount: rest + error.smallest).roundedUp)")
      }
    } onFinish: { workbench, steps in
      guard !steps.isEmpty else {
        return [.failed("\(id) is small enough already; nothing was changed")]
      }
      _ = workbench.run(Recipe(steps: steps), on: id)
      return []
    }
  }
}
