internal import CheckpointIO
internal import Jobs
internal import Tensors

extension Workbench {
  /// Has the codes of a layer counted; `codesReady` brings them. A request for another
  /// layer of the same revision gives way.
  public func requestCodes(_ name: String, of id: RevisionID) {
    guard tree[id] != nil, let parameter = checkpoint.parameters[name] else { return }
    let checkpoint = checkpoint
    request(name, of: id, in: \.codes, title: "codes of \(parameter.place.path)") {
      parameter, job in
      try LayerCodes(of: parameter, in: checkpoint, revision: id, job: job)
    } onFinish: { _, codes in
      [.codesReady(codes)]
    }
  }
}
