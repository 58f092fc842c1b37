package import Models
package import Tensors

extension Model {
  /// The model of a checkpoint that is to be run. Throws `NetworkError.notRunnable`.
  package init(running parameters: Parameters, configuration: [String: String]) throws {
    if let absence = parameters.absence {
      throw NetworkError.notRunnable("its file holds no weights: \(absence)")
    }
    let type = configuration["model_type"]
    let family = type.flatMap { ModelCatalog.family(of: $0) }
    if family != nil { try parameters.requireMemory() }
    let found: Model?
    do {
      found = try Model(parameters, configuration: configuration)
    } catch {
      throw NetworkError.notRunnable(error.description)
    }
    guard let found else {
      if let family {
        throw NetworkError.notRunnable("its tensors are not named like those of \(family.title)")
      }
      if let type {
        throw NetworkError.notRunnable("its family, \(type), is none of those that run")
      }
      if ModelCatalog.hasUsualNames(parameters) {
        throw NetworkError.notRunnable(
          "no setting says its family, model_type, which stands in config.json")
      }
      throw NetworkError.notRunnable("its tensors are not named like those of a model that runs")
    }
    self = found
  }
}

extension Parameters {
  /// Throws `NetworkError.notRunnable` where the weights, as they are read to be run, take more
  /// than the machine's memory: those of a file its bytes, all others f32.
  fileprivate func requireMemory() throws {
    var byteCount = 0
    for parameter in self {
      let (values, isHuge) = parameter.shape.count.multipliedReportingOverflow(
        by: MemoryLayout<Float>.stride)
      let bytes = parameter.storedRows?.byteCount ?? (isHuge ? .max : values)
      let (sum, isBeyond) = byteCount.addingReportingOverflow(bytes)
      byteCount = isBeyond ? .max : sum
    }
    guard byteCount <= WorkingMemory.machine else {
      let gigabyte = 1_000_000_000
      throw NetworkError.notRunnable(
        "its weights take \(byteCount / gigabyte) GB, more than this machine's "
          + "\(WorkingMemory.machine / gigabyte) GB")
    }
  }
}
