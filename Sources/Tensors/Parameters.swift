/// What a parameter's weights are, all of it in memory.
public struct Weights: Sendable {
  /// f32, logical orientation.
  public let values: Tensor
  /// The grid the values lie on, once a quantizer has put them there.
  public let grid: QuantizationGrid?
  /// Which weights are pruned for good; nil when none are.
  public let mask: Mask?

  public init(values: Tensor, grid: QuantizationGrid? = nil, mask: Mask? = nil) {
    self.values = values
    self.grid = grid
    self.mask = mask
  }
}

/// One named tensor of a model, whose values are read when they are asked for.
public struct Parameter: Sendable {
  /// The name in the checkpoint.
  public let name: String
  /// Logical shape: linear layers are `[out, in]` whatever the file's layout.
  public let shape: Shape
  /// How the checkpoint stores it; a save keeps it where that loses nothing.
  public let dtype: DType
  public let place: Place
  /// Whether the file stores the transpose of `shape` (GPT-2's Conv1D).
  public let isTransposed: Bool
  /// The grid of its `Weights`, where that is known without reading them.
  public let grid: QuantizationGrid?
  /// The mask of its `Weights`, where that is known without reading them.
  public let mask: Mask?
  /// Whether grid and mask are only known once the weights are made, as those of
  /// a model are that is larger than memory.
  public let isDeferred: Bool
  private let inputs: InputSquares?
  private let source: Source

  /// `load` reads the values in logical orientation; it may be called often
  /// and from any thread.
  public init(
    name: String, shape: Shape, dtype: DType, place: Place, isTransposed: Bool = false,
    grid: QuantizationGrid? = nil, mask: Mask? = nil,
    load: @escaping @Sendable () throws -> Tensor
  ) {
    self.init(
      name: name, shape: shape, dtype: dtype, place: place, isTransposed: isTransposed,
      grid: grid, mask: mask, reading: { _, _ in try load() })
  }

  /// Reads values on up to so many threads, and throws soon after `shouldStop`
  /// says so.
  public typealias Reading =
    @Sendable (_ threads: Int, _ shouldStop: @Sendable () -> Bool) throws -> Tensor

  /// The same for values that take long to read or to make.
  public init(
    name: String, shape: Shape, dtype: DType, place: Place, isTransposed: Bool = false,
    grid: QuantizationGrid? = nil, mask: Mask? = nil, reading: @escaping Reading
  ) {
    self.name = name
    self.shape = shape
    self.dtype = dtype
    self.place = place
    self.isTransposed = isTransposed
    self.grid = grid
    self.mask = mask
    isDeferred = false
    source = Source { threads, shouldStop in
      Weights(values: try reading(threads, shouldStop), grid: grid, mask: mask)
    }
    inputs = nil
  }

  /// Makes weights on up to so many threads, and throws soon after `shouldStop`
  /// says so.
  public typealias Making =
    @Sendable (_ threads: Int, _ shouldStop: @Sendable () -> Bool) throws -> Weights

  /// The same parameter with weights that are made anew each time they are read;
  /// nothing of them is kept.
  public func deferring(_ make: @escaping Making) -> Parameter {
    Parameter(
      self, grid: nil, mask: nil, isDeferred: true, source: Source(read: make), inputs: inputs)
  }

  /// Reads the values: f32, `shape`, logical orientation. Throws what reading
  /// them throws, also when `shouldStop` stopped it.
  public func tensor(
    threads: Int = Parallel.defaultThreads, shouldStop: @Sendable () -> Bool = { false }
  ) throws -> Tensor {
    try source.read(threads, shouldStop).values
  }

  /// Reads the values with their grid and mask. Throws as `tensor`.
  public func loaded(
    threads: Int = Parallel.defaultThreads, shouldStop: @Sendable () -> Bool = { false }
  ) throws -> Weights {
    try source.read(threads, shouldStop)
  }

  /// Whether both are one and the same, so that comparing values is needless.
  /// False tells nothing. O(1).
  public func isIdentical(to other: Parameter) -> Bool { source === other.source }

  /// The same parameter with new values, kept in memory.
  public func replacing(_ tensor: Tensor, grid: QuantizationGrid?, mask: Mask?) -> Parameter {
    precondition(tensor.shape == shape, "a pass keeps the shape of \(name)")
    return Parameter(
      name: name, shape: shape, dtype: dtype, place: place, isTransposed: isTransposed,
      grid: grid, mask: mask, load: { tensor }
    ).knowing(inputs)
  }

  /// Reads the mean square of each of a layer's inputs on some text: `columns`
  /// numbers. nil where none was run, or when stopped.
  public typealias InputSquares =
    @Sendable (_ threads: Int, _ shouldStop: @Sendable () -> Bool) throws -> [Float]?

  /// The mean square of each of a layer's inputs, read when it is asked for.
  public func inputSquares(
    threads: Int, shouldStop: @Sendable () -> Bool
  ) throws -> [Float]? {
    try inputs?(threads, shouldStop)
  }

  /// The same parameter, knowing its inputs. Whatever it is replaced by knows them
  /// too.
  public func knowing(_ inputs: InputSquares?) -> Parameter {
    Parameter(
      self, grid: grid, mask: mask, isDeferred: isDeferred, source: source, inputs: inputs)
  }

  /// `other`'s inputs for this parameter.
  package func knowingInputs(of other: Parameter) -> Parameter { knowing(other.inputs) }

  private init(
    _ other: Parameter, grid: QuantizationGrid?, mask: Mask?, isDeferred: Bool, source: Source,
    inputs: InputSquares?
  ) {
    name = other.name
    shape = other.shape
    dtype = other.dtype
    place = other.place
    isTransposed = other.isTransposed
    self.grid = grid
    self.mask = mask
    self.isDeferred = isDeferred
    self.source = source
    self.inputs = inputs
  }

  /// Where the values come from; its identity is the parameter's.
  private final class Source: Sendable {
    let read: Making

    init(read: @escaping Making) { self.read = read }
  }
}

/// A model's tensors, in the order of the checkpoint.
public struct Parameters: Sendable, RandomAccessCollection {
  private let list: [Parameter]
  private let positions: [String: Int]

  /// The last of several parameters of one name wins look-ups.
  public init(_ list: [Parameter]) {
    self.list = list
    positions = Dictionary(
      list.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { $1 })
  }

  public var startIndex: Int { 0 }
  public var endIndex: Int { list.count }
  public subscript(position: Int) -> Parameter { list[position] }

  /// The parameter of that name in the checkpoint, if there is one.
  public subscript(name: String) -> Parameter? { positions[name].map { list[$0] } }

  /// The same model with some parameters replaced, by name.
  public func replacing(_ changed: [Parameter]) -> Parameters {
    let changes = Dictionary(changed.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    return Parameters(list.map { changes[$0.name] ?? $0 })
  }

  /// The weight matrices of the blocks' linear layers.
  public var linearLayers: [Parameter] { list.filter { $0.place.role == .linear } }
}

extension Sequence<Parameter> {
  /// The numbers in all of them.
  public var weightCount: Int { reduce(0) { $0 + $1.shape.count } }
}
