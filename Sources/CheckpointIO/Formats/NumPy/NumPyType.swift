internal import Tensors

/// The type of an array's numbers, from NumPy's word for it: byte order, kind,
/// and bytes of one number.
///
///     <f4   little-endian, floating point, 4 bytes
///     |b1   without an order, truth value, 1 byte
struct NumPyType {
  let dtype: DType?
  /// In safetensors' word where it has one, so that it can be written again.
  let name: String
  /// Of one number.
  let byteCount: Int
  let isBigEndian: Bool

  /// Longer numbers of bytes are no number's.
  private static let digitLimit = 6

  /// Throws for objects, which are pickles, and for an unknown type.
  init(_ word: String, array: String) throws(CheckpointError) {
    let order = word.unicodeScalars.first
    let kind = word.dropFirst().first
    let digits = word.dropFirst(2)
    if kind == "O" {
      throw .unreadableType(tensor: array, dtype: "\(word) (Python objects)")
    }
    guard let order, ["<", ">", "|", "="].contains(order), let kind,
      digits.utf8.count <= Self.digitLimit, let size = TensorName.number(digits), size > 0
    else { throw .unreadableType(tensor: array, dtype: word) }
    // Text has four bytes a character.
    byteCount = kind == "U" ? 4 * size : size
    isBigEndian = order == ">" && size > 1
    let dtype = Self.dtypes["\(kind)\(size)"]
    self.dtype = dtype
    let other = isBigEndian ? nil : Self.listed["\(kind)\(size)"]
    name = dtype?.rawValue ?? other ?? word
  }

  private static let dtypes: [String: DType] = [
    "f8": .f64, "f4": .f32, "f2": .f16, "i8": .i64, "i4": .i32, "i2": .i16, "i1": .i8,
    "u1": .u8, "b1": .bool,
  ]
  private static let listed = ["u2": "U16", "u4": "U32", "u8": "U64", "c8": "C64"]
}
