/// What a parameter's weights are, all of it in memory.
public struct Weights: Sendable {
  /// f32, logical orientation.
  public let values: Tensor
  /// The grid the values lie on, once a quantizer has put them there.
  public let grid: QuantizationGrid?
  /// Which weights are pruned for good; nil when none are.
  public let mask: Mask?
  /// The blocks that a quantizer has put the values in.
  package let blocks: StoredBlocks?

  public init(values: Tensor, grid: QuantizationGrid? = nil, mask: Mask? = nil) {
    self.init(values: values, grid: grid, mask: mask, blocks: nil)
  }

  package init(
    values: Tensor, grid: QuantizationGrid? = nil, mask: Mask? = nil, blocks: StoredBlocks?
  ) {
    self.values = values
    self.grid = grid
    self.mask = mask
    self.blocks = blocks
  }
}

/// Blocks of ggml's that a file has a matrix in.
public struct StoredBlocks: Sendable {
  public let format: BlockFormat
  /// Reads them: rows of whole blocks, in the orientation of the file.
  public let read: @Sendable () throws -> [UInt8]

  public init(_ format: BlockFormat, read: @escaping @Sendable () throws -> [UInt8]) {
    self.format = format
    self.read = read
  }

  /// Some of the rows, of so many columns, in any order; nil where a row is no whole blocks.
  package func rows(_ rows: [Int], columns: Int) -> StoredBlocks? {
    guard let width = format.byteCount(of: [1, columns]) else { return nil }
    let read = read
    return StoredBlocks(format) {
      let bytes = try read()
      var chosen: [UInt8] = []
      chosen.reserveCapacity(rows.count * width)
      for row in rows { chosen += bytes[row * width..<(row + 1) * width] }
      return chosen
    }
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
  private let source: ParameterSource
  /// Which of the source's it is.
  private let number: Int
  /// nil if unmodified.
  private let form: Form?

  /// What passes and encodings know of a parameter.
  private final class Form: Sendable {
    let grid: QuantizationGrid?
    let mask: Mask?
    let isDeferred: Bool
    let inputs: InputSquares?
    /// Of a parameter that its source has in no blocks.
    let origin: StoredBlocks?

    init?(
      grid: QuantizationGrid?, mask: Mask?, isDeferred: Bool = false,
      inputs: InputSquares? = nil, origin: StoredBlocks? = nil
    ) {
      guard grid != nil || mask != nil || isDeferred || inputs != nil || origin != nil
      else { return nil }
      self.origin = origin
      self.grid = grid
      self.mask = mask
      self.isDeferred = isDeferred
      self.inputs = inputs
    }
  }

  /// The grid of its `Weights`, where that is known without reading them.
  public var grid: QuantizationGrid? { form?.grid }
  /// The mask of its `Weights`, where that is known without reading them.
  public var mask: Mask? { form?.mask }
  /// Whether grid and mask are only known once the weights are made, as those of
  /// a model are that is larger than memory.
  public var isDeferred: Bool { form?.isDeferred ?? false }

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

  /// Reads values on up to the given number of threads, and throws soon after `shouldStop`
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
    source = ParameterSource { _, threads, shouldStop in
      Weights(values: try reading(threads, shouldStop), grid: grid, mask: mask)
    }
    number = 0
    form = Form(grid: grid, mask: mask)
  }

  /// One of many whose values are read by the same source: a checkpoint of a hundred
  /// thousand tensors needs no closure for each.
  package init(
    name: String, shape: Shape, dtype: DType, place: Place, isTransposed: Bool,
    source: ParameterSource, number: Int
  ) {
    self.name = name
    self.shape = shape
    self.dtype = dtype
    self.place = place
    self.isTransposed = isTransposed
    self.source = source
    self.number = number
    form = nil
  }

  /// Makes weights on up to the given number of threads, and throws soon after `shouldStop`
  /// says so.
  public typealias Making =
    @Sendable (_ threads: Int, _ shouldStop: @Sendable () -> Bool) throws -> Weights

  /// The same parameter with weights that are made anew each time they are read;
  /// nothing of them is kept.
  public func deferring(_ make: @escaping Making) -> Parameter {
    let source = ParameterSource { _, threads, shouldStop in try make(threads, shouldStop) }
    return Parameter(
      self, source: source, number: 0,
      form: Form(
        grid: nil, mask: nil, isDeferred: true, inputs: form?.inputs, origin: origin))
  }

  /// Reads the values: f32, `shape`, logical orientation. Throws what reading
  /// them throws, also when `shouldStop` stopped it.
  public func tensor(
    threads: Int = Parallel.defaultThreads, shouldStop: @Sendable () -> Bool = { false }
  ) throws -> Tensor {
    try source.read(number, threads, shouldStop).values
  }

  /// Reads the values with their grid and mask. Throws as `tensor`.
  public func loaded(
    threads: Int = Parallel.defaultThreads, shouldStop: @Sendable () -> Bool = { false }
  ) throws -> Weights {
    try source.read(number, threads, shouldStop)
  }

  /// The ggml block format it is stored in; nil if it is not in blocks, or a pass changed it.
  public var blocks: BlockFormat? { source.blocks(number)?.format }

  /// The ggml block format of its file, also if passes have changed the values.
  package var origin: StoredBlocks? { form?.origin ?? source.blocks(number) }

  /// Reads single rows from its file; nil if a pass changed it, or if the file can only be
  /// read as a whole.
  package var storedRows: StoredRows? { source.rows(number) }

  /// The same parameter, whose rows can be read by themselves.
  package func storedIn(_ rows: StoredRows) -> Parameter {
    let (source, number) = (source, number)
    return Parameter(
      self,
      source: ParameterSource(blocks: { _ in source.blocks(number) }, rows: { _ in rows }) {
        try source.read(number, $1, $2)
      }, number: 0, form: form)
  }

  /// The same parameter, whose file has it in blocks; so has whatever it is replaced by.
  package func storedIn(_ blocks: StoredBlocks?) -> Parameter {
    Parameter(
      self, source: source, number: number,
      form: Form(
        grid: grid, mask: mask, isDeferred: isDeferred, inputs: form?.inputs, origin: blocks))
  }

  /// Whether both are one and the same, so that comparing values is needless.
  /// False tells nothing. O(1).
  public func isIdentical(to other: Parameter) -> Bool {
    source === other.source && number == other.number
  }

  /// The same parameter with new values, kept in memory.
  public func replacing(_ tensor: Tensor, grid: QuantizationGrid?, mask: Mask?) -> Parameter {
    precondition(tensor.shape == shape, "a pass keeps the shape of \(name)")
    return Parameter(
      name: name, shape: shape, dtype: dtype, place: place, isTransposed: isTransposed,
      grid: grid, mask: mask, load: { tensor }
    ).knowing(form?.inputs).storedIn(origin)
  }

  /// The same with what else is known of the values; they are stored in the blocks that a quantizer
  /// has put them in, unless the file has the matrix transposed.
  package func replacing(_ weights: Weights) -> Parameter {
    let parameter = replacing(weights.values, grid: weights.grid, mask: weights.mask)
    guard let blocks = weights.blocks, !isTransposed else { return parameter }
    return parameter.storedIn(blocks)
  }

  /// Reads the mean square of each of a layer's inputs on some text: `columns`
  /// numbers. nil if no text was run, or when stopped.
  public typealias InputSquares =
    @Sendable (_ threads: Int, _ shouldStop: @Sendable () -> Bool) throws -> [Float]?

  /// The mean square of each of a layer's inputs, read when it is asked for.
  public func inputSquares(
    threads: Int, shouldStop: @Sendable () -> Bool
  ) throws -> [Float]? {
    try form?.inputs?(threads, shouldStop)
  }

  /// The same parameter, knowing its inputs. Whatever it is replaced by knows them
  /// too.
  public func knowing(_ inputs: InputSquares?) -> Parameter {
    Parameter(
      self, source: source, number: number,
      form: Form(
        grid: grid, mask: mask, isDeferred: isDeferred, inputs: inputs, origin: form?.origin))
  }

  /// `other`'s inputs for this parameter.
  package func knowingInputs(of other: Parameter) -> Parameter { knowing(other.form?.inputs) }

  private init(_ other: Parameter, source: ParameterSource, number: Int, form: Form?) {
    name = other.name
    shape = other.shape
    dtype = other.dtype
    place = other.place
    isTransposed = other.isTransposed
    self.source = source
    self.number = number
    self.form = form
  }
}

/// Where the values of parameters come from; with the number it is a parameter's identity.
package final class ParameterSource: Sendable {
  /// Makes the weights of one of its parameters.
  package typealias Reading =
    @Sendable (_ number: Int, _ threads: Int, _ shouldStop: @Sendable () -> Bool) throws -> Weights

  let read: Reading
  /// The blocks that one of its parameters is stored in.
  let blocks: @Sendable (_ number: Int) -> StoredBlocks?
  /// The rows of one of its parameters, where they can be read by themselves.
  let rows: @Sendable (_ number: Int) -> StoredRows?

  package init(
    blocks: @escaping @Sendable (_ number: Int) -> StoredBlocks? = { _ in nil },
    rows: @escaping @Sendable (_ number: Int) -> StoredRows? = { _ in nil },
    read: @escaping Reading
  ) {
    self.read = read
    self.blocks = blocks
    self.rows = rows
  }
}
