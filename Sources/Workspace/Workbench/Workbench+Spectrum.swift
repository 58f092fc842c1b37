internal import CheckpointIO
internal import Jobs
internal import Models
internal import Tensors

/// The singular values of a layer, or why there are none.
public struct Spectrum: Sendable, Hashable {
  public let name: String
  public let revision: RevisionID
  /// Largest first; empty when `complaint` says why.
  public let values: [Float]
  public let complaint: String?
}

extension Workbench {
  /// Has the singular values of a layer computed; `spectrumReady` brings them.
  public func requestSpectrum(_ name: String, of id: RevisionID) {
    guard tree[id] != nil else { return }
    let title = "spectrum of \(checkpoint.parameters[name]?.place.path ?? name)"
    let plan = JobPlan<Never>(title: title, kind: .statistics, isShown: false)
    start(plan, on: queues.figures, needing: id) { model, job, _ -> Spectrum in
      try job.checkpoint()
      do {
        let values = try model.parameters[name].map { try SingularValues.of($0.tensor()) } ?? []
        return Spectrum(name: name, revision: id, values: values, complaint: nil)
      } catch let failure as SingularValues.Failure {
        return Spectrum(
          name: name, revision: id, values: [], complaint: failure.description)
      }
    } onFinish: { _, spectrum in
      [.spectrumReady(spectrum)]
    }
  }
}
