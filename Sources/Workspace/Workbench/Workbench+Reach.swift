internal import CheckpointIO
internal import Compression
public import Jobs
internal import Models
internal import Tensors

extension Workbench {
  /// Searches the mix of levels that brings a revision's packed file to a target with the least
  /// damage, and then runs it as a pass. It goes by what a text puts into layers, nil for one that the
  /// original writes; by weights alone where the model cannot be run, or is too large for that.
  @discardableResult
  public func reach(_ target: MixTarget, on text: String? = nil, from id: RevisionID) -> JobID {
    let (checkpoint, meter) = (checkpoint, meter)
    let plan = JobPlan<Never>(
      title: "find a mix for \(target)", kind: .pass, revision: id,
      retry: { $0.reach(target, on: text, from: id) })
    return start(plan, on: queues.passes, needing: id) { model, job, _ -> Quantize? in
      let isSeen = meter.whyNotRunnable == nil && !model.parameters.areLarge
      return try MixFinder(
        target: target, base: .mixed(on: text ?? (isSeen ? "" : nil)),
        request: .safetensors(.packed), meter: meter
      ).pass(for: model, of: checkpoint, in: job)
    } onFinish: { workbench, pass in
      guard let pass else {
        return [.failed("\(id) has come to \(target) already; nothing was changed")]
      }
      _ = workbench.run(Recipe(steps: [Step(pass: pass)]), on: id)
      return []
    }
  }
}
