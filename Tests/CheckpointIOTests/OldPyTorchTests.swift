import CheckpointIO
import Tensors
import TestSupport
import Testing

/// Files of PyTorch before 1.6, and tensors of unusual kinds in either format.
@Suite struct OldPyTorchTests {
  private typealias Old = OldPyTorchBytes

  private func open(_ bytes: [UInt8]) throws -> Checkpoint {
    try Checkpoint.open(bytes: bytes, name: "old")
  }

  private func sentence(_ bytes: [UInt8]) -> String {
    CheckpointIOTests.sentence(opening: try open(bytes))
  }

  @Test func tensorsShareStorages() throws {
    let pickle = Old.pickle([
      ("whole", Old.tensor(count: 12, [3, 4], strides: [4, 1])),
      ("again", Old.tensor(count: 12, [3, 4], strides: [4, 1])),
      ("transposed", Old.tensor(count: 12, [4, 3], strides: [1, 4])),
      ("column", Old.tensor(count: 12, offset: 2, [3], strides: [4])),
    ])
    let values = (0..<12).map { Float($0) }
    let checkpoint = try open(Old.file(pickle: pickle, [("0", 12, values)]))
    #expect(checkpoint.format == "pytorch")
    #expect(checkpoint.warnings.isEmpty)
    #expect(try checkpoint.parameters["whole"]?.tensor().array == values)
    #expect(checkpoint.tensors[1].sharesStorageOf == "whole")
    #expect(checkpoint.parameters["again"] == nil)
    #expect(
      try checkpoint.parameters["transposed"]?.tensor().array
        == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])
    #expect(try checkpoint.parameters["column"]?.tensor().array == [2, 6, 10])
  }

  /// `{KEY: object}` within a pickle.
  private func dictionary(_ key: String, _ object: [UInt8]) -> [UInt8] {
    var code: [UInt8] = [0x7D]
    code += ZipBytes.text(key)
    code += object
    return code + [0x73]
  }

  /// A tuple of objects within a pickle.
  private func tuple(_ objects: [UInt8]...) -> [UInt8] {
    var code: [UInt8] = [0x28]
    for object in objects { code += object }
    return code + [0x74]
  }

  /// A call within a pickle.
  private func call(_ module: String, _ name: String, _ arguments: [UInt8]) -> [UInt8] {
    var code = ZipBytes.global(module, name)
    code += arguments
    return code + [0x52]
  }

  /// `(key, offset, count)`, as files before 1.0 name a part of a storage.
  private func window(_ offset: Int, _ count: Int) -> [UInt8] {
    tuple(ZipBytes.text("1"), Old.integer(offset), Old.integer(count))
  }

  @Test func tensorsCountFromThePartOfAStorage() throws {
    let storage = [("0", 6, (0..<6).map { Float($0) })]
    let pickle = Old.pickle([
      ("a", Old.tensor(count: 6, offset: 1, [2], strides: [1], window: window(2, 3)))
    ])
    let checkpoint = try open(Old.file(pickle: pickle, storage))
    #expect(try checkpoint.parameters["a"]?.tensor().array == [3, 4])
    for (offset, count) in [(2, 2), (2, 5), (7, 1), (-1, 3), (2, -1), (Int(Int32.max), 1)] {
      let pickle = Old.pickle([
        ("a", Old.tensor(count: 6, offset: 1, [2], strides: [1], window: window(offset, count)))
      ])
      let sentence = sentence(Old.file(pickle: pickle, storage))
      #expect(sentence.contains("tensor 'a'"), "\(sentence)")
    }
  }

  @Test(arguments: ["model", "state_dict", "model_state_dict", "model_state"])
  func trainingCheckpointsAndSettingsAreRead(key: String) throws {
    let weights = dictionary("wte.weight", ZipBytes.tensor(rows: 2, columns: 3))
    let settings = dictionary("n_layer", Old.integer(7))
    let pickle = Old.pickle([
      (key, weights), ("model_args", settings), ("iter_num", Old.integer(12)),
    ])
    let checkpoint = try open(Old.file(pickle: pickle, [("0", 6, [0, 1, 2, 3, 4, 5])]))
    #expect(checkpoint.parameters.map(\.name) == ["wte.weight"])
    #expect(checkpoint.configuration["n_layer"] == "7")
    #expect(checkpoint.metadata["iter_num"] == "12")
  }

  /// Python 2 pickles text as SHORT_BINSTRING.
  @Test func textOfPythonTwoIsText() throws {
    var bytes = Old.file(rows: 2, columns: 2)
    for word in ["storage", "cpu", "0", "a"] {
      let modern = ZipBytes.text(word)
      let old = [0x55, UInt8(word.utf8.count)] + Array(word.utf8)
      while let start = (0...bytes.count - modern.count).first(where: {
        Array(bytes[$0..<$0 + modern.count]) == modern
      }) {
        bytes.replaceSubrange(start..<start + modern.count, with: old)
      }
    }
    #expect(try open(bytes).parameters["a"]?.tensor().array == [0, 1, 2, 3])
  }

  @Test func bytesAfterTheLastStorageAreWarnedAbout() {
    #expect(
      sentence(Old.file(rows: 1, columns: 1) + [1, 2])
        == "opened 1; 2 bytes follow the last storage")
  }

  static let refusals: [([UInt8], String)] = [
    (
      OldPyTorchBytes.file(pickle: OldPyTorchBytes.pickle([]), [], version: 1000),
      "invalid pickle at byte 15: version 1001 was expected"
    ),
    (
      OldPyTorchBytes.file(pickle: OldPyTorchBytes.pickle([]), [], isLittleEndian: false),
      "big-endian"
    ),
    (
      OldPyTorchBytes.file(pickle: OldPyTorchBytes.pickle([]), [("0", 0, [])]),
      "the list of storages names one twice, or one that is not used"
    ),
    (two(("0", 1, [0]), ("0", 1, [0])), "the list of storages names one twice"),
    (two(("1", 1, [0])), "one that is not used"),
    (two(), "the archive has no entry '0'"),
    (two(("0", -1, [])), "truncated: storage '0' at byte"),
    (two(("0", 2, [0])), "needs 8 bytes, 4 are there"),
    (two(("0", Int.max, [0])), "truncated: storage '0'"),
    (two(("0", 0, [])), "'a' reaches to byte 4 of a storage of 0 bytes"),
    (
      OldPyTorchBytes.file(
        pickle: OldPyTorchBytes.pickle([("a", ZipBytes.global("os", "system"))]), []),
      "the pickle asks for 'os.system'"
    ),
    (OldPyTorchBytes.magic, "truncated: the pickle at byte 15"),
  ]

  private static func two(_ storages: (key: String, count: Int, values: [Float])...) -> [UInt8] {
    OldPyTorchBytes.file(
      pickle: OldPyTorchBytes.pickle("a", rows: 1, columns: 1), storages)
  }

  @Test(arguments: refusals) func hostileFilesAreRefused(bytes: [UInt8], words: String) {
    #expect(sentence(bytes).contains(words), "\(sentence(bytes))")
  }

  /// The types that PyTorch saves by name, and bytes of one number.
  static let types: [(String, String, Int)] = [
    ("complex32", "C32", 4), ("complex64", "C64", 8), ("complex128", "C128", 16),
    ("uint16", "U16", 2), ("uint32", "U32", 4), ("uint64", "U64", 8),
    ("float8_e4m3fnuz", "F8_E4M3FNUZ", 1), ("float8_e5m2fnuz", "F8_E5M2FNUZ", 1),
    ("float8_e8m0fnu", "F8_E8M0", 1), ("float4_e2m1fn_x2", "F4X2", 1), ("bits1x8", "BITS1X8", 1),
    ("bits2x4", "BITS2X4", 1), ("bits4x2", "BITS4X2", 1), ("bits8", "BITS8", 1),
    ("bits16", "BITS16", 2),
  ]

  @Test(arguments: types, [false, true])
  func typesThatAreNotReadAreListed(type: (String, String, Int), isOld: Bool) throws {
    let count = 6 * type.2
    let pickle = Old.pickle([
      (
        "a",
        Old.tensor(
          "_rebuild_tensor_v3", of: "torch UntypedStorage", count: count, [2, 3],
          strides: [3, 1], more: [0x89, 0x4E] as [UInt8] + ZipBytes.global("torch", type.0))
      )
    ])
    let bytes = [UInt8](repeating: 0, count: count)
    let file =
      isOld
      ? Old.file(pickle: pickle, [("0", count, [])]) + bytes
      : ZipBytes.archive([("m/data.pkl", pickle), ("m/data/0", bytes)])
    let tensor = try #require(try open(file).tensors.first)
    #expect(tensor.dtype == nil && tensor.dtypeName == type.1)
    #expect(tensor.byteCount == count && tensor.shape == [2, 3])
  }

  /// With a scheme that is not read.
  @Test func quantizedTensorsAreListed() throws {
    let parameters = tuple(
      ZipBytes.global("torch", "per_channel_affine_float_qparams"), [0x47] + ZipBytes.little(0, 8),
      Old.integer(3))
    let pickle = Old.pickle([
      (
        "a",
        Old.tensor(
          "_rebuild_qtensor", of: "torch QUInt8Storage", count: 6, [2, 3], strides: [3, 1],
          more: parameters + [0x89, 0x4E])
      )
    ])
    let file = ZipBytes.archive([("m/data.pkl", pickle), ("m/data/0", [1, 2, 3, 4, 5, 6])])
    let tensor = try #require(try open(file).tensors.first)
    #expect(tensor.dtype == nil && tensor.dtypeName == "QUINT8" && tensor.byteCount == 6)
  }

  /// Without a shape it cannot be read.
  @Test func aDamagedSparseTensorIsListed() throws {
    let part = Old.tensor(count: 6, [2, 3], strides: [3, 1])
    let layout = call(
      "torch.serialization", "_get_layout", tuple(ZipBytes.text("torch.sparse_coo")))
    let sparse = call(
      "torch._utils", "_rebuild_sparse_tensor",
      tuple(layout, tuple(part, Old.tensor(count: 6, [6], strides: [1]))))
    let checkpoint = try open(
      ZipBytes.pytorch(pickle: Old.pickle([("a", sparse)]), count: 6))
    #expect(checkpoint.tensors.map(\.name) == ["a"] && checkpoint.parameters.isEmpty)
    #expect(
      checkpoint.warnings == [
        "tensor 'a' has the type 'torch.sparse_tensor', which is listed but not read"
      ])
  }

  @Test func tensorsWithAttributesAreTensors() throws {
    let tensor = Old.tensor(count: 6, [2, 3], strides: [3, 1])
    let rebuild = ZipBytes.global("torch._utils", "_rebuild_tensor_v2")
    let type = ZipBytes.global("torch", "Tensor")
    let code = call(
      "torch._tensor", "_rebuild_from_type_v2", tuple(rebuild, type, inner(tensor), [0x7D]))
    let checkpoint = try open(
      ZipBytes.pytorch(pickle: Old.pickle([("a", code)]), count: 6))
    #expect(try checkpoint.parameters["a"]?.tensor().array == [0, 1, 2, 3, 4, 5])
    let itself = ZipBytes.global("torch._tensor", "_rebuild_from_type_v2")
    let recursive = call(
      "torch._tensor", "_rebuild_from_type_v2", tuple(itself, type, [0x29], [0x7D]))
    #expect(
      sentence(ZipBytes.pytorch(pickle: Old.pickle([("a", recursive)]), count: 6))
        .contains("the tensor's description is damaged"))
  }

  /// The arguments of a tensor's call, without the function and without calling it.
  private func inner(_ tensor: [UInt8]) -> [UInt8] {
    let function = ZipBytes.global("torch._utils", "_rebuild_tensor_v2")
    return Array(tensor.dropFirst(function.count).dropLast())
  }
}
