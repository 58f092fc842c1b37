internal import CheckpointIO
internal import Compression
internal import Jobs
internal import Models
internal import Tensors
internal import Transformers

extension LossMeter {
  /// How many tokens a layer's sensitivity is measured on: enough to rank
  /// layers, few enough for a third of a second each.
  private static let sensitivityTokens = 2_048

  /// The disturbance that is measured: 3 bits a weight hurt every layer a
  /// little and none beyond comparison.
  private static let probe: Quantize = {
    var probe = Quantize()
    probe.bits = 3
    probe.granularity = .channel
    return probe
  }()

  /// The loss that each layer adds when it alone is quantized to 3 bits, one
  /// scale a channel. `post` gets them one by one. Throws as `measure` does.
  func sensitivities(
    of model: ModelState, layers: [String], in job: borrowing JobContext,
    post: (String, Double) -> Void
  ) throws {
    // Those that slicing left nothing of have none.
    let layers = layers.filter { model.parameters[$0] != nil }
    let reference = try reference(in: job.part(0...0.3))
    let tokens = Array(reference.tokens.prefix(Self.sensitivityTokens))
    let network = try Network.make(
      model.parameters, configuration: model.configuration, sharing: reference.network)
    func loss(_ network: Network, _ job: borrowing JobContext) throws -> Double {
      let shouldStop = job.shouldStop
      return try stoppable(job.part(0...0)) { _, threads in
        try network.evaluate(tokens, threads: threads, shouldStop: shouldStop).loss
      }
    }
    let before = try loss(network, job)
    for (index, name) in layers.enumerated() {
      try job.checkpoint()
      job.progress(0.3 + 0.7 * Double(index) / Double(layers.count), name)
      let disturbed = try Self.probe.apply(
        to: model, layers: .named([name]), in: job.part(0...0))
      let after = try loss(
        try Network.make(
          disturbed.parameters, configuration: disturbed.configuration, sharing: network), job)
      post(name, after - before)
    }
  }
}
