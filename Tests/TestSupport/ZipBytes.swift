/// Zip archives and PyTorch checkpoints made by hand, byte by byte, so that
/// tests can also make the wrong ones.
public enum ZipBytes {
  /// A stored archive of these files.
  public static func archive(
    _ files: [(name: String, bytes: [UInt8])], method: UInt16 = 0
  ) -> [UInt8] {
    var archive: [UInt8] = []
    var directory: [UInt8] = []
    for file in files {
      let offset = archive.count
      let fields =
        little(UInt16(method), 2) + little(0, 8) + little(file.bytes.count, 4)
        + little(file.bytes.count, 4) + little(file.name.utf8.count, 2) + little(0, 2)
      archive += [0x50, 0x4B, 3, 4] + little(20, 2) + little(0, 2) + fields
      archive += Array(file.name.utf8) + file.bytes
      directory += [0x50, 0x4B, 1, 2] + little(20, 2) + little(20, 2) + little(0, 2) + fields
      directory += little(0, 2) + little(0, 2) + little(0, 2) + little(0, 4) + little(offset, 4)
      directory += Array(file.name.utf8)
    }
    let start = archive.count
    archive += directory + [0x50, 0x4B, 5, 6] + little(0, 4)
    archive += little(files.count, 2) + little(files.count, 2)
    return archive + little(directory.count, 4) + little(start, 4) + little(0, 2)
  }

  /// A checkpoint with one f32 matrix `a` of `rows × columns` and a storage of
  /// as many numbers: 0, 1, 2, …
  public static func pytorch(rows: Int, columns: Int) -> [UInt8] {
    pytorch(pickle: pickle(rows: rows, columns: columns), count: rows * columns)
  }

  /// A checkpoint of any pickle and one storage, `0`, of `count` f32 numbers.
  public static func pytorch(pickle: [UInt8], count: Int) -> [UInt8] {
    let values = (0..<count).flatMap { little(Int(Float($0).bitPattern), 4) }
    return archive([
      ("m/data.pkl", pickle), ("m/byteorder", Array("little".utf8)), ("m/data/0", values),
    ])
  }

  /// `{"a": _rebuild_tensor_v2(storage 0, 0, (rows, columns), (columns, 1))}`.
  public static func pickle(rows: Int, columns: Int) -> [UInt8] {
    [0x80, 2, 0x7D] + text("a") + tensor(rows: rows, columns: columns) + [0x73, 0x2E]
  }

  /// The opcodes that make the tensor.
  public static func tensor(rows: Int, columns: Int, storage: String = "0") -> [UInt8] {
    var code: [UInt8] = []
    code += global("torch._utils", "_rebuild_tensor_v2") + mark
    code += mark + text("storage") + global("torch", "FloatStorage") + text(storage) + text("cpu")
    code += number(rows * columns) + [0x74, 0x51] + number(0)
    code += number(rows) + number(columns) + [0x86]
    code += number(columns) + number(1) + [0x86, 0x89]
    code += global("collections", "OrderedDict") + [0x29, 0x52, 0x74, 0x52]
    return code
  }

  private static let mark: [UInt8] = [0x28]

  /// A text's opcode.
  public static func text(_ text: String) -> [UInt8] {
    [0x58] + little(text.utf8.count, 4) + Array(text.utf8)
  }

  /// The GLOBAL opcode.
  public static func global(_ module: String, _ name: String) -> [UInt8] {
    [0x63] + Array("\(module)\n\(name)\n".utf8)
  }

  private static func number(_ number: Int) -> [UInt8] { [0x4A] + little(number, 4) }

  /// The low bytes of a number, lowest first.
  public static func little(_ number: some BinaryInteger, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: UInt64(truncatingIfNeeded: number) >> (8 * $0)) }
  }
}
