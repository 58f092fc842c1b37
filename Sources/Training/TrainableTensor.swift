internal import Models
public import Tensors
internal import Transformers

/// A parameter while it is trained: its values and its gradient, f32, row-major,
/// logical orientation, on 64-byte boundaries.
///
/// Used by one step at a time; within a step several threads may work on
/// different stretches of it.
@safe
public final class TrainableTensor {
  /// The name in the checkpoint.
  public let name: String
  public let shape: Shape
  public let place: Place
  /// The values that training changes.
  public let values: UnsafeMutableBufferPointer<Float>
  /// The loss's gradient by the values, after `TrainingNetwork.gradients`.
  public let gradient: UnsafeMutableBufferPointer<Float>
  /// What tells it apart in saved training: the name, and of a parameter that holds several
  /// layers the layer.
  let key: String
  /// Its number among the network's tensors.
  let index: Int
  /// What is left of the parameter's rows and columns, and its whole shape.
  package let selection: Selection
  package let wholeShape: Shape

  /// The weight matrix of a linear layer of a block: what Muon trains.
  public var isBlockMatrix: Bool { place.role == .linear }
  /// Two axes or more: what weight decay and AdamW's matrix group hold.
  public var isMatrix: Bool { shape.dimensions.count >= 2 }

  /// Copies the values; throws what reading them throws.
  init(_ part: Model.Part, _ id: TensorID, index: Int) throws {
    let parameter = part.parameter
    name = parameter.name
    key = part.rows == nil ? name : "\(name).\(id.role.rawValue)"
    selection = Selection(
      rows: part.rows.map { rows in (0..<rows.total).map { rows.source(of: $0) } })
    wholeShape = parameter.shape
    shape = selection.shape(of: wholeShape)
    place = parameter.place
    self.index = index
    unsafe values = Self.allocate(shape.count)
    unsafe gradient = Self.allocate(shape.count)
    unsafe gradient.initialize(repeating: 0)
    let tensor = try part.matrix.tensor()
    unsafe tensor.withUnsafeValues { unsafe _ = values.initialize(fromContentsOf: $0) }
  }

  /// What a selection leaves of a tensor; its gradient is 0.
  init(_ whole: TrainableTensor, _ selection: Selection) {
    (name, key) = (whole.name, whole.key)
    shape = selection.shape(of: whole.shape)
    place = whole.place
    index = whole.index
    self.selection = whole.selection.then(selection)
    wholeShape = whole.wholeShape
    unsafe values = Self.allocate(shape.count)
    unsafe gradient = Self.allocate(shape.count)
    unsafe gradient.initialize(repeating: 0)
    unsafe selection.gather(whole.start, whole.shape, to: start)
  }

  deinit {
    unsafe values.deallocate()
    unsafe gradient.deallocate()
  }

  private static func allocate(_ count: Int) -> UnsafeMutableBufferPointer<Float> {
    let bytes = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(count, 1) * MemoryLayout<Float>.stride, alignment: 64)
    return unsafe UnsafeMutableBufferPointer(
      start: bytes.baseAddress?.bindMemory(to: Float.self, capacity: count), count: count)
  }

  /// All values of the parameter, 0 where rows or columns are gone.
  func whole(_ values: UnsafePointer<Float>) -> Tensor {
    unsafe Tensor(wholeShape) { target in
      unsafe target.initialize(repeating: 0)
      unsafe selection.scatter(
        values, to: target.baseAddress.unsafelyUnwrapped, wholeShape)
    }
  }

  /// The same of tensors that are parts of one parameter.
  static func whole(_ parts: [TrainableTensor]) -> Tensor {
    unsafe Tensor(parts[0].wholeShape) { target in
      unsafe target.initialize(repeating: 0)
      for part in parts {
        unsafe part.selection.scatter(
          part.start, to: target.baseAddress.unsafelyUnwrapped, part.wholeShape)
      }
    }
  }

  /// Where the first value is.
  var start: UnsafeMutablePointer<Float> { unsafe values.baseAddress.unsafelyUnwrapped }
}
