import TestSupport

/// Objects as PyTorch pickles them, put together by hand with the storages that their tensors
/// look at.
struct PickleBytes {
  static let none: [UInt8] = [0x4E]
  static let emptyTuple: [UInt8] = [0x29]
  static let emptyList: [UInt8] = [0x5D]
  private var storages: [(key: String, bytes: [UInt8])] = []

  /// A row-major tensor of f32 in a storage of its own.
  mutating func tensor(_ shape: [Int], _ values: [Float]) -> [UInt8] {
    tensor(
      shape, "FloatStorage", count: values.count,
      values.flatMap { ZipBytes.little($0.bitPattern, 4) })
  }

  /// The same of 64-bit integers.
  mutating func tensor(_ shape: [Int], integers: [Int]) -> [UInt8] {
    tensor(
      shape, "LongStorage", count: integers.count, integers.flatMap { ZipBytes.little($0, 8) })
  }

  private mutating func tensor(
    _ shape: [Int], _ storage: String, count: Int, _ bytes: [UInt8]
  ) -> [UInt8] {
    Self.call("torch._utils", "_rebuild_tensor_v2", view(shape, storage, count: count, bytes))
  }

  /// Storage, offset, shape and strides.
  private mutating func view(
    _ shape: [Int], _ storage: String, count: Int, _ bytes: [UInt8]
  ) -> [[UInt8]] {
    let key = String(storages.count)
    storages.append((key, bytes))
    let id = Self.tuple([
      ZipBytes.text("storage"), ZipBytes.global("torch", storage), ZipBytes.text(key),
      ZipBytes.text("cpu"), Self.integer(count),
    ])
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * shape[axis + 1]
    }
    return [
      id + [0x51], Self.integer(0), Self.tuple(shape.map(Self.integer)),
      Self.tuple(strides.map(Self.integer)),
    ]
  }

  /// A tensor of `qint8` codes with one scale.
  mutating func codes(_ shape: [Int], _ codes: [Int], scale: Double, zero: Int) -> [UInt8] {
    quantized(
      shape, codes,
      [ZipBytes.global("torch", "per_tensor_affine"), Self.real(scale), Self.integer(zero)])
  }

  /// The same with a scale for each index of an axis.
  mutating func codes(
    _ shape: [Int], _ codes: [Int], scales: [Float], zeros: [Int], axis: Int
  ) -> [UInt8] {
    let parameters = [
      ZipBytes.global("torch", "per_channel_affine"), tensor([scales.count], scales),
      tensor([zeros.count], integers: zeros), Self.integer(axis),
    ]
    return quantized(shape, codes, parameters)
  }

  private mutating func quantized(
    _ shape: [Int], _ codes: [Int], _ parameters: [[UInt8]]
  ) -> [UInt8] {
    let view = view(
      shape, "QInt8Storage", count: codes.count, codes.map { UInt8(truncatingIfNeeded: $0) })
    return Self.call(
      "torch._utils", "_rebuild_qtensor",
      view + [Self.tuple(parameters), [0x89], Self.none])
  }

  /// A sparse tensor of these parts, the shape being the last.
  static func sparse(_ layout: String, _ parts: [[UInt8]], shape: [Int]) -> [UInt8] {
    let word = call(
      "torch.serialization", "_get_layout", [ZipBytes.text("torch.sparse_\(layout)")])
    return call(
      "torch._utils", "_rebuild_sparse_tensor",
      [word, tuple(parts + [tuple(shape.map(integer))])])
  }

  /// The state of an optimizer with a tensor for each of some parameters.
  mutating func optimizer(_ slot: String, count: Int = 2) -> [UInt8] {
    let state = (0..<count).map { number in
      (Self.integer(number), Self.dictionary([(slot, tensor([2, 2], [1, 2, 3, 4]))]))
    }
    return Self.dictionary([
      ("state", Self.dictionary(pairs: state)), ("param_groups", Self.emptyList),
    ])
  }

  static func integer(_ number: Int) -> [UInt8] { [0x4A] + ZipBytes.little(number, 4) }

  static func real(_ number: Double) -> [UInt8] {
    [0x47] + ZipBytes.little(number.bitPattern, 8).reversed()
  }

  static func tuple(_ members: [[UInt8]]) -> [UInt8] { [0x28] + members.joined() + [0x74] }

  static func list(_ members: [[UInt8]]) -> [UInt8] {
    [0x5D, 0x28] + members.joined() + [0x65]
  }

  static func dictionary(_ members: [(String, [UInt8])]) -> [UInt8] {
    dictionary(pairs: members.map { (ZipBytes.text($0.0), $0.1) })
  }

  static func dictionary(pairs: [([UInt8], [UInt8])]) -> [UInt8] {
    [0x7D, 0x28] + pairs.flatMap { $0.0 + $0.1 } + [0x75]
  }

  /// `module.name(…)`.
  static func call(_ module: String, _ name: String, _ arguments: [[UInt8]]) -> [UInt8] {
    ZipBytes.global(module, name) + tuple(arguments) + [0x52]
  }

  /// An object of a class with these attributes.
  static func object(
    _ module: String, _ name: String, attributes: [(String, [UInt8])]
  ) -> [UInt8] {
    ZipBytes.global(module, name) + emptyTuple + [0x81] + dictionary(attributes) + [0x62]
  }

  /// An object of a class derived from `dict` with these items.
  static func mapping(_ module: String, _ name: String, _ members: [(String, [UInt8])]) -> [UInt8] {
    ZipBytes.global(module, name) + emptyTuple + [0x81, 0x28]
      + members.flatMap { ZipBytes.text($0.0) + $0.1 } + [0x75]
  }

  /// A file with a dictionary.
  func file(_ members: [(String, [UInt8])]) -> [UInt8] { file(root: Self.dictionary(members)) }

  /// A file with any object.
  func file(root: [UInt8]) -> [UInt8] {
    ZipBytes.archive(
      [("m/data.pkl", [0x80, 2] + root + [0x2E])]
        + storages.map { ("m/data/\($0.key)", $0.bytes) })
  }
}
