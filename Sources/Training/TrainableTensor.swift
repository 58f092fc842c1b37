public import Tensors

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
  /// Its number among the network's tensors.
  let index: Int
  /// What is left of the parameter's rows and columns, and its whole shape.
  let selection: Selection
  let wholeShape: Shape

  /// The weight matrix of a linear layer of a block: what Muon trains.
  public var isBlockMatrix: Bool { place.role == .linear }
  /// Two axes or more: what weight decay and AdamW's matrix group hold.
  public var isMatrix: Bool { shape.dimensions.count >= 2 }

  /// Copies the values; throws what reading them throws.
  init(_ parameter: Parameter, index: Int) throws {
    name = parameter.name
    shape = parameter.shape
    place = parameter.place
    self.index = index
    selection = Selection()
    wholeShape = parameter.shape
    unsafe values = Self.allocate(parameter.shape.count)
    unsafe gradient = Self.allocate(parameter.shape.count)
    unsafe gradient.initialize(repeating: 0)
    let tensor = try parameter.tensor()
    unsafe tensor.withUnsafeValues { unsafe _ = values.initialize(fromContentsOf: $0) }
  }

  /// What a selection leaves of a tensor; its gradient is 0.
  init(_ whole: TrainableTensor, _ selection: Selection) {
    name = whole.name
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

  /// Where the first value is.
  var start: UnsafeMutablePointer<Float> { unsafe values.baseAddress.unsafelyUnwrapped }
}
