public import Jobs
public import Models
internal import Tensors

/// A pass and the layers it works on: one line of a recipe, one revision of a
/// model. Which pass it is need not be known.
public struct Step: Sendable {
  /// What is done, with its settings.
  public let pass: any CompressionPass
  /// To which layers.
  public let layers: LayerSelection

  /// A step of a pass as it is; `apply` checks its settings.
  public init(pass: any CompressionPass, layers: LayerSelection = .all) {
    self.pass = pass
    self.layers = layers
  }

  /// A step from what a recipe or a command line says; settings that are not
  /// named keep their defaults.
  ///
  /// Throws `PassError` for an unknown pass or setting, a setting named twice,
  /// a value out of range, or settings that do not go together.
  public init(
    passName: String, settings: [(name: String, text: String)], layers: LayerSelection = .all
  ) throws {
    guard let type = PassCatalog.named(passName) else {
      let known = PassCatalog.all.map { $0.name }.joined(separator: ", ")
      throw PassError("there is no pass ‘\(passName)’; there are \(known)")
    }
    var names = Set<String>()
    for setting in settings where !names.insert(setting.name).inserted {
      throw PassError("\(passName) has its setting ‘\(setting.name)’ twice")
    }
    let pass = try Self.configured(type, settings)
    try pass.validate()
    self.init(pass: pass, layers: layers)
  }

  private static func configured<Pass: CompressionPass>(
    _ type: Pass.Type, _ settings: [(name: String, text: String)]
  ) throws -> Pass {
    try settings.reduce(Pass()) { try $0.setting($1.name, toText: $1.text) }
  }

  /// The pass's word in recipes and on the command line.
  public var passName: String { type(of: pass).name }

  /// A few words for a status line: `prune magnitude 50 %`.
  public var title: String { pass.title }

  /// The same step that names the texts it reads by their content. Throws what reading them throws.
  public func marked(by texts: (any CalibrationTexts)?) throws -> Step {
    Step(pass: try pass.marked(by: texts), layers: layers)
  }

  /// Layers of `model` that the pass works on without seeing what goes into them, though it sees that
  /// of others: experts, and what lies outside of blocks.
  public func unseenLayers(of model: ModelState) -> [String] {
    guard pass.sketch != nil else { return [] }
    return LayerwiseCompression.unseen(among: layers.of(model.parameters), of: model).map(\.name)
  }

  /// The model after the step. Throws what the pass throws.
  public func apply(to model: ModelState, in job: borrowing JobContext) throws -> ModelState {
    try pass.apply(to: model, layers: layers, in: job)
  }
}

extension Step: Hashable {
  /// Whether pass, settings and layers are equal.
  public static func == (a: Step, b: Step) -> Bool {
    AnyHashable(a.pass) == AnyHashable(b.pass) && a.layers == b.layers
  }

  /// Hashes pass, settings and layers.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(AnyHashable(pass))
    hasher.combine(layers)
  }
}
