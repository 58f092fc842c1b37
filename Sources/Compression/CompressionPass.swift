public import Jobs
public import Models
public import Tensors

/// A pass over a model: settings, and what they do. `apply` is a function of values: no state
/// is kept between runs.
///
/// Laws, tested for every pass in `PassCatalog.all`: the identity setting changes
/// nothing; the same settings give the same bytes with any number of threads;
/// settings survive the recipe; progress never falls; a run cancels within 100 ms;
/// only the given layers and their biases change.
public protocol CompressionPass: Dialed {
  /// Settings under which the pass changes nothing, if there are such.
  static var identity: Self? { get }

  /// Whether what becomes of a layer hangs on that layer alone.
  var isLayerwise: Bool { get }

  /// Whether it runs the network to measure what goes into layers.
  var measuresInputs: Bool { get }

  /// The same pass that names what it reads besides the model by its content, so that a recipe gives
  /// the same bytes or is refused. Throws what reading it throws.
  func marked(by texts: (any CalibrationTexts)?) throws -> Self

  /// A quicker pass that leaves about as many weights and bytes, for a preview of one that takes
  /// minutes; nil where the pass is its own preview.
  var sketch: (any CompressionPass)? { get }

  /// A few words for a status line: `prune magnitude 50 %`.
  var title: String { get }

  /// The model after the pass: tensors of other shapes come with the settings that say so.
  /// Only parameters that `layers` selects, and their biases, change. Throws `Cancelled` when
  /// asked to stop, `PassError` where a layer cannot be worked on.
  func apply(
    to model: ModelState, layers: LayerSelection, in job: borrowing JobContext
  ) throws -> ModelState
}

/// A pass that changes weights and leaves every shape as it is.
public protocol WeightPass: CompressionPass {
  /// The parameters after the pass. Only those that `layers` selects are replaced; the others
  /// are the very same. Throws as `apply` to a model.
  func apply(
    to parameters: Parameters, layers: LayerSelection, in job: borrowing JobContext
  ) throws -> Parameters
}

extension WeightPass {
  /// The same model with changed weights.
  public func apply(
    to model: ModelState, layers: LayerSelection, in job: borrowing JobContext
  ) throws -> ModelState {
    model.with(try apply(to: model.parameters, layers: layers, in: job))
  }
}

/// A pass some of whose methods see what goes into layers (`measuresInputs`).
public protocol CalibratedPass: CompressionPass {
  /// On what text they see it.
  var calibration: Calibration { get set }
}

/// What such a pass does with layers, inside of this floor.
protocol LayerEditing: CalibratedPass, WeightPass {
  /// What is done to each layer, where inputs decide.
  var edit: any CalibratedEdit { get }
}

extension CalibratedPass {
  /// With the mark of the text that it calibrates on.
  public func marked(by texts: (any CalibrationTexts)?) throws -> Self {
    guard measuresInputs else { return self }
    var marked = self
    marked.calibration = try calibration.marked(by: texts)
    return marked
  }
}

extension CalibratedPass where Self: WeightPass {
  /// The model with the selected layers changed. Throws as `apply` to parameters, and what running
  /// the model throws where the method has to see what goes into layers.
  public func apply(
    to model: ModelState, layers: LayerSelection, in job: borrowing JobContext
  ) throws -> ModelState {
    guard measuresInputs, let editing = self as? any LayerEditing else {
      return model.with(try apply(to: model.parameters, layers: layers, in: job))
    }
    try validate()
    if self == Self.identity { return model }
    return try LayerwiseCompression.apply(
      editing.edit, on: calibration, to: model, layers: layers, in: job)
  }
}

/// What is wrong with settings or with a layer, in one sentence.
public struct PassError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The sentence.
  public let description: String

  /// An error that says `description`.
  public init(_ description: String) { self.description = description }
}

extension CompressionPass {
  /// None.
  public static var identity: Self? { nil }

  /// It is its own preview.
  public var sketch: (any CompressionPass)? { nil }

  /// It reads nothing else.
  public func marked(by texts: (any CalibrationTexts)?) throws -> Self { self }

  /// It does not.
  public var measuresInputs: Bool { false }

  /// It does.
  public var isLayerwise: Bool { true }
}
