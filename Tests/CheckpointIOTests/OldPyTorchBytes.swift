import TestSupport

/// PyTorch's files from before version 1.6, put together byte by byte.
enum OldPyTorchBytes {
  static let magic: [UInt8] =
    [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]

  /// A checkpoint of any object's pickle and f32 storages: key, the count before the
  /// values, and the values.
  static func file(
    pickle: [UInt8], _ storages: [(key: String, count: Int, values: [Float])],
    version: Int = 1001, isLittleEndian: Bool = true
  ) -> [UInt8] {
    var bytes = magic + [0x80, 2, 0x4D] + ZipBytes.little(version, 2) + [0x2E]
    bytes += [0x80, 2, 0x7D] + ZipBytes.text("little_endian")
    bytes += [isLittleEndian ? 0x88 : 0x89, 0x73, 0x2E] + pickle
    bytes += [0x80, 2, 0x5D, 0x28] + storages.flatMap { ZipBytes.text($0.key) } + [0x65, 0x2E]
    for storage in storages {
      bytes += ZipBytes.little(storage.count, 8)
      bytes += storage.values.flatMap { ZipBytes.little($0.bitPattern, 4) }
    }
    return bytes
  }

  /// One matrix `a` of 0, 1, 2, …
  static func file(rows: Int, columns: Int) -> [UInt8] {
    file(
      pickle: pickle("a", rows: rows, columns: columns),
      [("0", rows * columns, (0..<rows * columns).map { Float($0) })])
  }

  /// `{NAME: matrix}` of storage `0`.
  static func pickle(_ name: String, rows: Int, columns: Int) -> [UInt8] {
    pickle([(name, ZipBytes.tensor(rows: rows, columns: columns))])
  }

  /// `{NAME: object, …}`.
  static func pickle(_ members: [(String, [UInt8])]) -> [UInt8] {
    var code: [UInt8] = [0x80, 2, 0x7D]
    for (name, object) in members {
      code += ZipBytes.text(name)
      code += object
      code.append(0x73)
    }
    return code + [0x2E]
  }

  /// A call of `module.function` with a storage, an offset, a shape, strides and
  /// more. `window` is what the identifier ends with; `count` what the storage claims.
  static func tensor(
    _ function: String = "_rebuild_tensor_v2", of storage: String = "torch FloatStorage",
    count: Int, offset: Int = 0, _ shape: [Int], strides: [Int], window: [UInt8] = [0x4E],
    more: [UInt8] = []
  ) -> [UInt8] {
    let type = storage.split(separator: " ").map(String.init)
    var code = ZipBytes.global("torch._utils", function) + [0x28]
    code += [0x28] + ZipBytes.text("storage") + ZipBytes.global(type[0], type[1])
    code += ZipBytes.text("0") + ZipBytes.text("cpu") + integer(count) + window + [0x74, 0x51]
    code += integer(offset) + tuple(shape) + tuple(strides)
    return code + more + [0x74, 0x52]
  }

  static func integer(_ number: Int) -> [UInt8] { [0x4A] + ZipBytes.little(number, 4) }

  static func tuple(_ numbers: [Int]) -> [UInt8] {
    [0x28] + numbers.flatMap { integer($0) } + [0x74]
  }
}
