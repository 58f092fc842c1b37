internal import Tensors

/// One of the arrays that a quantized matrix is made of.
struct StoredArray: Sendable {
  let name: String
  /// Of F8_E8M0 U8, and of U32 I32: what its bytes are loaded as.
  private(set) var dtype: DType
  let shape: Shape
  /// Whether a byte b is the power 2^(b − 127), and 255 is NaN: F8_E8M0, the type of scales
  /// in the OCP Microscaling Formats Specification 1.0.
  private(set) var areExponents: Bool
  private let bytes: Bytes
  private let strides: [Int]?
  private let isBigEndian: Bool

  /// nil for numbers that are not read.
  init?(_ tensor: IndexedTensor, _ file: Bytes) {
    guard tensor.blocks == nil, tensor.deflated == nil,
      let dtype = tensor.dtype ?? Self.types[tensor.dtypeName]
    else { return nil }
    self.dtype = dtype
    areExponents = tensor.dtypeName == Self.exponents
    name = tensor.name
    shape = tensor.shape
    bytes = file[tensor.byteRange]
    strides = tensor.strides
    isBigEndian = tensor.isBigEndian
  }

  var count: Int { shape.count }
  var isMatrix: Bool { shape.dimensions.count == 2 }

  private static let exponents = "F8_E8M0"
  private static let types: [String: DType] = [exponents: .u8, "U32": .i32]

  /// Bytes as exponents, where they are stored as plain U8.
  var asExponents: StoredArray {
    var array = self
    array.areExponents = true
    return array
  }

  /// Bytes as numbers of another type of one byte.
  func reading(as dtype: DType) -> StoredArray {
    var array = self
    array.dtype = dtype
    return array
  }

  /// Whether it can be scales as it is.
  var areScales: Bool { areExponents || [.f32, .f16, .bf16].contains(dtype) }

  /// The numbers' bytes, row by row and lowest byte first.
  var rowMajor: Bytes { reader.rowMajor }

  /// Bytes of the file that its numbers take.
  var byteCount: Int { count * dtype.byteCount }

  /// Whether its numbers lie one after the other, lowest byte first.
  var isRowMajor: Bool { strides == nil && !isBigEndian }

  /// The bytes of its rows where they lie, and how many there are from one row to the next;
  /// of a view whose rows are not whole in the file, of a copy.
  var rows: (bytes: Bytes, stride: Int, isCopy: Bool) {
    let size = dtype.byteCount
    let perRow = shape.dimensions.dropFirst().reduce(1, *)
    if isRowMajor { return (bytes, perRow * size, false) }
    if let strides, !isBigEndian,
      strides.dropFirst().elementsEqual(
        IndexedTensor.rowMajorStrides(shape.dimensions).dropFirst())
    {
      return (bytes, (strides.first ?? 1) * size, false)
    }
    return (rowMajor, perRow * size, true)
  }

  /// Reads its numbers as f32 one by one or some of a row, with `perRow` a row.
  struct Numbers: Sendable {
    private let bytes: Bytes
    private let stride: Int
    private let dtype: DType
    private let areExponents: Bool
    let keptByteCount: Int

    fileprivate init(_ array: StoredArray, perRow: Int) {
      dtype = array.dtype
      areExponents = array.areExponents
      let isCopy: Bool
      if array.isRowMajor || array.shape.dimensions.dropFirst().reduce(1, *) != perRow {
        // Its rows may be of another length.
        (bytes, stride) = (array.rowMajor, perRow * dtype.byteCount)
        isCopy = !array.isRowMajor
      } else {
        (bytes, stride, isCopy) = array.rows
      }
      keptByteCount = isCopy ? bytes.count : 0
    }

    func read(row: Int, from first: Int = 0, into values: UnsafeMutableBufferPointer<Float>) {
      guard let target = values.baseAddress else { return }
      let start = row * stride + first * dtype.byteCount
      if areExponents {
        for index in values.indices {
          unsafe values.initializeElement(at: index, to: StoredArray.power(bytes[start + index]))
        }
        return
      }
      unsafe bytes[start..<start + values.count * dtype.byteCount].withUnsafeBytes {
        unsafe dtype.widenRow($0, into: target, count: values.count)
      }
    }

    subscript(row: Int, column: Int) -> Float {
      var value: Float = 0
      unsafe withUnsafeMutablePointer(to: &value) {
        unsafe read(
          row: row, from: column, into: UnsafeMutableBufferPointer(start: $0, count: 1))
      }
      return value
    }
  }

  func numbers(perRow: Int) -> Numbers { Numbers(self, perRow: perRow) }

  /// The numbers as f32.
  var floats: [Float] {
    guard areExponents else { return tensor.array }
    let bytes = rowMajor
    return (0..<count).map { Self.power(bytes[$0]) }
  }

  /// The same as a tensor; not of exponents.
  var tensor: Tensor { reader.tensor() }

  /// 2^(byte − 127), of which 2^-127 is subnormal.
  private static func power(_ byte: UInt8) -> Float {
    switch byte {
    case 0: 0x1p-127
    case 255: .nan
    default: Float(bitPattern: UInt32(byte) << 23)
    }
  }

  private var reader: TensorReader {
    TensorReader(
      bytes: bytes, dtype: dtype, shape: shape, strides: strides, isTransposed: false,
      isBigEndian: isBigEndian)
  }

  /// The numbers as integers; nil if they are not integers, or too large for `Int`.
  var integers: [Int]? {
    let bytes = rowMajor
    switch dtype {
    case .i64: return (0..<count).map { Int(bytes.load(Int64.self, at: 8 * $0)) }
    case .i32: return (0..<count).map { Int(bytes.load(Int32.self, at: 4 * $0)) }
    case .i16: return (0..<count).map { Int(bytes.load(Int16.self, at: 2 * $0)) }
    case .i8: return (0..<count).map { Int(bytes.load(Int8.self, at: $0)) }
    case .u8, .bool: return (0..<count).map { Int(bytes[$0]) }
    case .f64, .f32, .f16, .bf16, .f8e4m3, .f8e5m2: return nil
    }
  }
}

/// The arrays of one matrix by what follows its name: `MODULE.qweight`,
/// `MODULE.scales` and so on.
struct LayerArrays {
  /// Of the matrix: `MODULE.weight`.
  let name: String
  private let arrays: [String: StoredArray]

  init(name: String, _ arrays: [String: StoredArray]) {
    self.name = name
    self.arrays = arrays
  }

  subscript(suffix: String) -> StoredArray? { arrays[suffix] }

  func invalid(_ reason: String) -> CheckpointError {
    .invalidQuantization(tensor: name, reason: reason)
  }

  /// An array that must be there with one of these types.
  func array(_ suffix: String, of types: [DType]) throws(CheckpointError) -> StoredArray {
    guard let array = arrays[suffix] else { throw invalid("it has no \(suffix.quoted)") }
    guard types.contains(array.dtype) else {
      throw invalid("its \(suffix.quoted) has the type \(array.dtype.rawValue)")
    }
    return array
  }

  /// The same, a matrix.
  func matrix(
    _ suffix: String, of types: [DType]
  ) throws(CheckpointError) -> StoredArray {
    let array = try array(suffix, of: types)
    guard array.isMatrix else {
      throw invalid("its \(suffix.quoted) is \(array.shape.description), no matrix")
    }
    return array
  }

  /// Throws unless an array has a shape.
  func check(
    _ array: StoredArray, is dimensions: [Int]
  ) throws(CheckpointError) {
    guard array.shape.dimensions == dimensions else {
      throw invalid(
        "\(array.name.quoted) is \(array.shape.description) instead of "
          + Shape(dimensions).description)
    }
  }
}
