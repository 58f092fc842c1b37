public import Jobs
public import Tensors

/// A pass over a model's parameters: settings, and what they do. `apply` is a function of
/// values: no state is kept between runs.
///
/// Laws, tested for every pass in `PassCatalog.all`: the identity setting changes
/// nothing; the same settings give the same bytes with any number of threads;
/// settings survive the recipe; progress never falls; a run cancels within 100 ms;
/// only the given layers change.
public protocol CompressionPass: Dialed {
  /// Settings under which the pass changes nothing, if there are such.
  static var identity: Self? { get }

  /// Whether what becomes of a layer hangs on that layer alone.
  var isLayerwise: Bool { get }

  /// Whether it runs the network to measure what goes into layers.
  var measuresInputs: Bool { get }

  /// A few words for a status line: `prune magnitude 50 %`.
  var title: String { get }

  /// The model after the pass. Only parameters that `layers` selects are
  /// replaced; the others are the very same. Throws `Cancelled` when asked to
  /// stop, `PassError` where a layer cannot be worked on.
  func apply(
    to parameters: Parameters, layers: LayerSelection, in job: borrowing JobContext
  ) throws -> Parameters
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

  /// It does not.
  public var measuresInputs: Bool { false }

  /// It does.
  public var isLayerwise: Bool { true }
}
