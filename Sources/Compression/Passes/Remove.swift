public import Jobs
public import Models
internal import Tensors
internal import Transformers

/// Takes out whole neurons of the MLPs or heads of the attention, those that matter least in each
/// block, with every row and column that belongs to them (`Slice`).
///
/// A neuron is an input of the block's down projection, a head the inputs of its output projection that
/// it gives. By `inputs` those go whose column's norm times the norm of what goes into it is least
/// (Wanda's score over a column). By `refit` a search finds which go and what the others have to be
/// so that the projection gives what it gave (`SupportSearch`). Of every block as many go, so that of
/// neurons a plain model of smaller width is left, which other programs load.
public struct Remove: CalibratedPass {
  /// What goes.
  public enum Part: String, Sendable, Hashable, Codable, CaseIterable {
    /// Neurons of the MLP: a row of up, and of gate where there is one, and a column of down.
    case neurons
    /// Heads of queries.
    case heads
    /// Heads of keys and values, with the heads of queries that read them.
    case groups
  }

  /// What decides which go.
  public enum Method: String, Sendable, Hashable, Codable, CaseIterable {
    case magnitude, inputs, refit
  }

  /// What goes.
  public var part = Part.neurons
  /// Share of each block's.
  public var amount = 0.25
  /// What decides.
  public var method = Method.refit
  /// On what text it is seen what goes into layers.
  public var calibration = Calibration(damping: 0.01, drift: 0.5)

  /// A quarter of the neurons.
  public init() {}

  /// The word in recipes and on the command line.
  public static let name = "remove"
  /// One sentence for help.
  public static let summary = "Take out the neurons or heads that matter least."

  /// An amount of nothing.
  public static var identity: Remove? {
    var pass = Remove()
    pass.amount = 0
    return pass
  }

  /// Its settings.
  public static let dials: [Dial<Remove>] =
    [
      .choice("part", \.part, help: "What goes."),
      .number(
        "amount", \.amount, in: 0...0.95, step: 0.05, unit: .share,
        help: "Share of each block's that go."),
      .choice(
        "method", \.method,
        help: "What decides: weights, what goes into them, or a search that fits the others anew."),
    ]
    + Calibration.dials(
      of: \.calibration, when: { $0.measuresInputs }, makesUp: { $0.method == .refit },
      follows: { $0.method == .refit })

  /// Blocks are taken in turn.
  public var isLayerwise: Bool { false }

  /// Unless weights alone decide.
  public var measuresInputs: Bool { method != .magnitude }

  /// By magnitude.
  public var sketch: (any CompressionPass)? {
    guard measuresInputs else { return nil }
    var plain = self
    plain.method = .magnitude
    return plain
  }

  /// `remove 25 % of neurons · refit`.
  public var title: String {
    "remove \(DialValue.number((amount * 1e6).rounded() / 1e4)) % of \(part.rawValue) · "
      + method.rawValue
  }

  /// Refuses a mark of no text.
  public func validate() throws {
    if measuresInputs { try calibration.validate() }
  }

  /// The smaller model. Throws `Cancelled`, `NetworkError` for a model that cannot be run, and
  /// `PassError` where no attention and no MLP has all its layers selected.
  public func apply(
    to model: ModelState, layers: LayerSelection, in job: borrowing JobContext
  ) throws -> ModelState {
    try validate()
    guard amount > 0, model.parameters.contains(where: layers.contains) else {
      job.progress(1)
      return model
    }
    let outputs = try outputs(of: model, layers)
    guard !outputs.isEmpty else {
      throw PassError(
        "remove takes \(part.rawValue) out where all layers of a block's "
          + "\(part == .neurons ? "MLP" : "attention") are selected, and they are in none")
    }
    var changed = model
    for (output, names) in outputs {
      // One stays at least, and nothing is fitted anew where none goes.
      let gone = Int((amount * Double(output.count)).rounded(.toNearestOrEven))
      guard gone > 0, output.count > 1 else { continue }
      var prune = prune(output.width)
      prune.amount = Double(min(gone, output.count - 1)) / Double(output.count)
      changed = try prune.apply(to: changed, layers: .named(names), in: job.part(0...0.9))
    }
    let members = outputs.flatMap(\.output.members)
    return try Slice().apply(to: changed, layers: .named(members), in: job.part(0.9...1))
  }

  /// Columns of output layers that go together.
  private func prune(_ width: Int) -> Prune {
    var prune = Prune()
    prune.structure = .tile
    prune.tileRows = 1 << 24
    prune.tileColumns = width
    prune.method =
      switch method {
      case .magnitude: .magnitude
      case .inputs: .wanda
      case .refit: .alps
      }
    prune.calibration = calibration
    return prune
  }

  /// An output layer's units, and the layers that lose rows or columns with it.
  private struct Output {
    let width: Int
    /// How many units a layer has.
    let count: Int
    let members: [String]
  }

  /// Output layers by the width of what goes as one, and by how many there are.
  private func outputs(
    of model: ModelState, _ layers: LayerSelection
  ) throws -> [(output: Output, names: [String])] {
    let network = try Model(running: model.parameters, configuration: model.configuration)
    var found: [[Int]: (members: [String], names: [String])] = [:]
    for block in 0..<network.config.blocks {
      let roles = part == .neurons ? BlockPlan.Part.mlp.roles : BlockPlan.Part.attention.roles
      if part == .neurons, network.config.experts(of: block) != nil { continue }
      let parameters = roles.compactMap { network[TensorID($0, block: block)]?.parameter }
      let id = TensorID(part == .neurons ? .down : .attentionOutput, block: block)
      guard let output = network[id]?.parameter, output.shape.count > 0,
        parameters.allSatisfy(layers.contains)
      else { continue }
      let width = try width(network.config.shape(of: block))
      let key = [width, output.shape.columns / width]
      found[key, default: ([], [])].members += parameters.map(\.name)
      found[key, default: ([], [])].names.append(output.name)
    }
    return found.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map {
      (Output(width: $0.key[0], count: $0.key[1], members: $0.value.members), $0.value.names)
    }
  }

  /// Columns that go as one. Throws `PassError` of heads that differ in width.
  private func width(_ shape: BlockShape) throws -> Int {
    guard part != .neurons, let head = shape.heads.first else { return 1 }
    guard Set(shape.heads).count == 1 else {
      throw PassError("remove takes \(part.rawValue) out of blocks whose heads are alike")
    }
    return part == .heads ? head.values : head.values * head.queries
  }
}
