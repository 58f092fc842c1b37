/// Values of a tensor in memory: f32, row-major, never changed once made, so
/// that copies and threads share them freely.
public struct Tensor: Sendable {
  /// The lengths of the axes.
  public let shape: Shape
  private let storage: Storage

  /// Fills a new tensor. `body` gets `shape.count` uninitialised values on a
  /// 64-byte boundary and must write every one.
  public init(
    _ shape: Shape, initializingWith body: (UnsafeMutableBufferPointer<Float>) throws -> Void
  ) rethrows {
    self.shape = shape
    let owned = unsafe WeightMemory.allocate(byteCount: shape.count * MemoryLayout<Float>.stride)
    let values = unsafe UnsafeMutableBufferPointer(
      start: owned.baseAddress?.bindMemory(to: Float.self, capacity: shape.count),
      count: shape.count)
    storage = unsafe Storage(
      values: UnsafeBufferPointer(values), owner: nil, owned: owned)
    unsafe try body(values)
  }

  /// A view of values that live elsewhere, such as a mapped file. `owner` is
  /// kept alive as long as the tensor is.
  public init(_ shape: Shape, borrowing values: UnsafeBufferPointer<Float>, owner: AnyObject) {
    precondition(values.count == shape.count, "tensor borrows as many values as its shape has")
    self.shape = shape
    storage = unsafe Storage(values: values, owner: owner, owned: nil)
  }

  /// A tensor of the values of an array.
  public init(_ shape: Shape, _ values: [Float]) {
    precondition(values.count == shape.count, "tensor has as many values as its shape")
    unsafe self.init(shape) { unsafe _ = $0.initialize(fromContentsOf: values) }
  }

  /// Calls `body` with all values, row by row.
  public func withUnsafeValues<R>(_ body: (UnsafeBufferPointer<Float>) throws -> R) rethrows -> R {
    try withExtendedLifetime(storage) { unsafe try body($0.values) }
  }

  /// The value at a row and a column (see `Shape.rows`).
  public subscript(row: Int, column: Int) -> Float {
    precondition(row >= 0 && row < shape.rows && column >= 0 && column < shape.columns)
    return unsafe storage.values[row * shape.columns + column]
  }

  /// The values as an array; copies them.
  public var array: [Float] { unsafe withUnsafeValues { unsafe Array($0) } }

  /// The same values under another shape of equal count.
  public func reshaped(_ shape: Shape) -> Tensor {
    precondition(shape.count == self.shape.count)
    return unsafe Tensor(shape, borrowing: storage.values, owner: storage)
  }

  /// Whether both share their memory, so that comparing values is needless.
  public func isIdentical(to other: Tensor) -> Bool {
    unsafe storage.values.baseAddress == other.storage.values.baseAddress && shape == other.shape
  }

  /// Memory on a 64-byte boundary, or memory of somebody else's.
  ///
  /// `@unchecked Sendable`: the bytes are written only before `init` returns.
  @safe
  private final class Storage: @unchecked Sendable {
    let values: UnsafeBufferPointer<Float>
    private let owner: AnyObject?
    private let owned: UnsafeMutableRawBufferPointer?

    init(
      values: UnsafeBufferPointer<Float>, owner: AnyObject?, owned: UnsafeMutableRawBufferPointer?
    ) {
      unsafe self.values = unsafe values
      self.owner = owner
      unsafe self.owned = unsafe owned
    }

    deinit {
      if let owned = unsafe owned { unsafe WeightMemory.release(owned) }
    }
  }
}
