import CheckpointIO
import Foundation
import Tensors
import TestSupport
import Testing

/// NumPy files made by hand.
enum NumPyBytes {
  static func file(header: String, data: [UInt8] = [], version: UInt8 = 1) -> [UInt8] {
    let length = ZipBytes.little(header.utf8.count, version == 1 ? 2 : 4)
    return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + Array(header.utf8) + data
  }

  static func array(
    _ type: String, _ shape: String, fortran: Bool = false, _ data: [UInt8]
  ) -> [UInt8] {
    let order = fortran ? "True" : "False"
    return file(
      header: "{'descr': '\(type)', 'fortran_order': \(order), 'shape': \(shape), }   \n",
      data: data)
  }

  /// 0, 1, 2, … as f32.
  static func values(_ count: Int) -> [UInt8] {
    (0..<count).flatMap { ZipBytes.little(Float($0).bitPattern, 4) }
  }

  static func archive() -> [UInt8] {
    ZipBytes.archive([
      ("a.npy", array("<f4", "(3, 4)", fortran: true, values(12))),
      ("h.0.b.weight.npy", array(">i2", "(2,)", [0, 1, 0xFF, 0xFE])),
      ("c.npy", array("|b1", "()", [1])),
    ])
  }
}

extension NumPyBytes {
  /// An archive that Python's zipfile deflated: `a` of 0 … 11 with fixed codes,
  /// `h.0.b.weight` of 20 × 20 numbers i² mod 97 with codes of its own, and the
  /// big-endian Fortran array `c` of 0 … 5 stored in a block.
  static let deflated = Array(
    Data(base64Encoded: text, options: .ignoreUnknownCharacters) ?? Data())

  private static let text = """
    UEsDBBQAAAAIAAAAIQAtbyImZgAAALAAAAAFAAAAYS5ucHmb7BfqGxDJyFDGUK2eklqcXKRupaBuk2airqOgnpZf
    VFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RrGOgommjoKtQpkAy4GMGiwBxIOQATEDUC8AIgPAPEDIGZwZGAQAGIF
    IDZwBABQSwMEFAAAAAgAAAAhADgia80nAQAAwAYAABAAAABoLjAuYi53ZWlnaHQubnB57ZG7SgNREIaPYCUp8gin
    W4UtlmAlgawikkaxiKCVLGaDhRjZDSKIEIJlClFIaZFSUoQUFiKyZR7BR7H0+zfzBHbCHviYy7nMmX9ejk4Oj8/W
    3K27D7ppfpEFOz5o9raD0Ae9fjbIkuvzftZNlT9IrvKUfH6Z3KTEm40o9I1oK/QP/o9rw5Vr2ILYufouFpZQ33Nu
    H4YwhZj9gnwT/wkc8Q/xHf4XrMNY58h1sAVE8A4hfEJb99gfYb+xc+wpzPEX2AHUdI94hn3Ue7qjmuQKan7gv8Er
    TODZmFhOezqjs7rj7A29NbO3a1ZrYbXLP9ifRvbHtv05tB4i66ljPY6tZ/UuDaSFNJE20khaSbOpaSgtpenSNC61
    jlfaVzOoZlDNoJrB/5vBL1BLAwQUAAAACAAAACEA4R76qJEAAACMAAAABQAAAGMubnB5AYwAc/+TTlVNUFkBAHYA
    eydkZXNjcic6ICc+aTInLCAnZm9ydHJhbl9vcmRlcic6IFRydWUsICdzaGFwZSc6ICgyLCAzKSwgfSAgICAgICAg
    ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgCgAAAAMAAQAEAAIABVBL
    AQIUAxQAAAAIAAAAIQAtbyImZgAAALAAAAAFAAAAAAAAAAAAAACAAQAAAABhLm5weVBLAQIUAxQAAAAIAAAAIQA4
    ImvNJwEAAMAGAAAQAAAAAAAAAAAAAACAAYkAAABoLjAuYi53ZWlnaHQubnB5UEsBAhQDFAAAAAgAAAAhAOEe+qiR
    AAAAjAAAAAUAAAAAAAAAAAAAAIAB3gEAAGMubnB5UEsFBgAAAAADAAMApAAAAJICAAAAAA==
    """
}

@Suite struct NumPyTests {
  private func open(_ bytes: [UInt8]) throws -> Checkpoint {
    try Checkpoint.open(bytes: bytes, name: "test")
  }

  private func sentence(_ bytes: [UInt8]) -> String {
    CheckpointIOTests.sentence(opening: try open(bytes))
  }

  /// −3, 0, 1, 5 in every type, low byte first.
  static let types: [(String, DType, [UInt64], Int)] = [
    ("f8", .f64, [-3, 0, 1, 5].map { Double($0).bitPattern }, 8),
    ("f4", .f32, [-3, 0, 1, 5].map { UInt64(Float($0).bitPattern) }, 4),
    ("f2", .f16, [0xC200, 0, 0x3C00, 0x4500], 2),
    ("i8", .i64, [-3, 0, 1, 5].map { UInt64(bitPattern: $0) }, 8),
    ("i4", .i32, [-3, 0, 1, 5].map { UInt64(bitPattern: $0) }, 4),
    ("i2", .i16, [-3, 0, 1, 5].map { UInt64(bitPattern: $0) }, 2),
    ("i1", .i8, [-3, 0, 1, 5].map { UInt64(bitPattern: $0) }, 1),
  ]

  @Test(arguments: types) func everyTypeIsReadInBothByteOrders(
    type: String, dtype: DType, values: [UInt64], size: Int
  ) throws {
    let little = values.map { ZipBytes.little($0, size) }
    for order in ["<", "=", ">"] {
      let data = order == ">" ? little.flatMap { $0.reversed() } : little.flatMap { $0 }
      let checkpoint = try open(NumPyBytes.array(order + type, "(2, 2)", data))
      let parameter = try #require(checkpoint.parameters["array"])
      #expect(parameter.dtype == dtype && parameter.shape == [2, 2])
      #expect(try parameter.tensor().array == [-3, 0, 1, 5])
      #expect(checkpoint.format == "npy" && checkpoint.warnings.isEmpty)
    }
  }

  @Test func bytesAndTruthValuesAreRead() throws {
    let bytes = try open(NumPyBytes.array("|u1", "(3,)", [0, 200, 255])).parameters
    #expect(try bytes["array"]?.tensor().array == [0, 200, 255])
    let flags = try open(NumPyBytes.array("|b1", "(2,)", [0, 1])).parameters
    #expect(try flags["array"]?.tensor().array == [0, 1])
  }

  @Test func columnsFirstIsTheSameTensor() throws {
    let parameters = try open(
      NumPyBytes.array("<f4", "(2, 3)", fortran: true, NumPyBytes.values(6))
    )
    .parameters
    #expect(parameters["array"]?.shape == [2, 3])
    #expect(try parameters["array"]?.tensor().array == [0, 2, 4, 1, 3, 5])
    let cube = try open(NumPyBytes.array("<f4", "(2, 1, 2)", fortran: true, NumPyBytes.values(4)))
    #expect(try cube.parameters["array"]?.tensor().array == [0, 2, 1, 3])
  }

  @Test func anArchiveHasItsArraysByName() throws {
    let checkpoint = try open(NumPyBytes.archive())
    #expect(checkpoint.format == "npz" && checkpoint.warnings.isEmpty)
    #expect(checkpoint.tensors.map(\.name) == ["a", "h.0.b.weight", "c"])
    let big = try #require(checkpoint.parameters["h.0.b.weight"])
    #expect(big.place.block == 0)
    #expect(try big.tensor().array == [1, -2])
    #expect(try checkpoint.parameters["c"]?.tensor().array == [1])
  }

  /// Arrays of every layout survive being written as safetensors.
  @Test func anArchiveIsConverted() throws {
    let folder = TemporaryFolder()
    let checkpoint = try open(NumPyBytes.archive())
    let plan = try SavePlan.make(
      parameters: checkpoint.parameters, of: checkpoint, form: .dense(nil))
    try plan.write(to: folder.file("out.safetensors"))
    let saved = try Checkpoint.open(folder.file("out.safetensors"))
    for parameter in checkpoint.parameters {
      let other = try #require(saved.parameters[parameter.name])
      #expect(other.dtype == parameter.dtype)
      #expect(try other.tensor().array == parameter.tensor().array)
    }
  }

  @Test func theFileNamesItsArray() throws {
    let folder = TemporaryFolder()
    let bytes = NumPyBytes.array("<f4", "(2,)", NumPyBytes.values(2))
    TemporaryFolder.write(bytes, to: folder.file("wte.npy"))
    #expect(try Checkpoint.open(folder.file("wte.npy")).tensors.map(\.name) == ["wte"])
  }

  static let outcomes: [([UInt8], String)] = [
    (NumPyBytes.array("<u4", "(1,)", [1, 0, 0, 0]), "opened 1; tensor 'array' has the type 'U32'"),
    (NumPyBytes.array("<U2", "(1,)", [UInt8](repeating: 0, count: 8)), "opened 1; tensor 'array'"),
    (NumPyBytes.array("|u1", "(1,)", [1, 2]), "opened 1; 1 bytes follow array 'array'"),
    (NumPyBytes.array("<f4", "(0, 3)", []), "opened 1"),
    (NumPyBytes.array("|O", "(1,)", [0x80, 2]), "'|O (Python objects)'"),
    (NumPyBytes.array("<f4", "(1,)", [0, 0, 0]), "needs 4 bytes, 3 are there"),
    (NumPyBytes.array("<f4", "(-1,)", []), "has a negative dimension"),
    (NumPyBytes.array("<f4", "(4294967296, 4294967296)", []), "size overflows 64 bits"),
    (NumPyBytes.array("<f4", "(99999999999999999999,)", []), "size overflows 64 bits"),
    (NumPyBytes.array("<U999999", "(1000000000000000,)", []), "overflows 64 bits"),
    (NumPyBytes.array("<f4", "(0, 4294967296)", []), "which has no values, exceeds the limit"),
    (
      NumPyBytes.array("<f4", "(" + String(repeating: "1, ", count: 65) + ")", []),
      "more than 64 dimensions"
    ),
    (NumPyBytes.array("<f4", "(3)", []), "',' expected"),
    (NumPyBytes.array("<f4", "[3]", []), "'(' expected"),
    (NumPyBytes.array("f4", "(3,)", []), "has the data type 'f4'"),
    (NumPyBytes.array("<f0", "(3,)", []), "has the data type '<f0'"),
    (NumPyBytes.array("<f99999999999999999999", "(3,)", []), "has the data type"),
    (NumPyBytes.array("<M8[ns]", "(3,)", []), "has the data type '<M8[ns]'"),
    (NumPyBytes.array("<\\x66", "(3,)", []), "plain text expected"),
    (NumPyBytes.array("", "(3,)", []), "has the data type ''"),
    (NumPyBytes.file(header: ""), "'{' expected"),
    (NumPyBytes.file(header: "{}"), "there is no 'descr'"),
    (NumPyBytes.file(header: "{'descr': '<f4', 'descr': '<f4'}"), "'descr' is unknown or there"),
    (NumPyBytes.file(header: "{'x': __import__('os')}"), "'x' is unknown or there twice"),
    (NumPyBytes.file(header: "{'descr': [('a', '<f4')]}"), "record of several fields"),
    (NumPyBytes.file(header: "{'fortran_order': 1}"), "True or False expected"),
    (
      NumPyBytes.file(header: "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} + 1"),
      "text after the end"
    ),
    (NumPyBytes.file(header: "{", version: 9), "version 9 is not known"),
    (
      NumPyBytes.file(header: String(repeating: " ", count: 70_000), version: 2),
      "exceeds the limit of 65,536"
    ),
    (ZipBytes.archive([("a.npy", [1, 2, 3])]), "array 'a' has an invalid header at byte 0"),
    (
      ZipBytes.archive([("a.npy", NumPyBytes.array("|u1", "(1,)", [1])), ("b.txt", [1])]),
      "opened 1; entry 'b.txt' of the archive is no array"
    ),
    (ZipBytes.archive([("a.npy", [1, 2, 3])], method: 8), "'a' is damaged at byte"),
    (ZipBytes.archive([("b.txt", [1]), ("a.npy", [1])]), "does not begin with an array"),
  ]

  @Test(arguments: outcomes.indices) func eachHasItsSentence(number: Int) {
    let (bytes, words) = Self.outcomes[number]
    let sentence = sentence(bytes)
    #expect(sentence.contains(words), "\(sentence)")
    #expect(!sentence.contains("\n"))
  }

  @Test func python2AndLaterVersionsAreRead() throws {
    for version: UInt8 in 1...3 {
      let header = "{\"shape\": (2L,), 'fortran_order':False,'descr':'<f4'}"
      let file = NumPyBytes.file(header: header, data: NumPyBytes.values(2), version: version)
      #expect(try open(file).parameters["array"]?.tensor().array == [0, 1])
    }
  }

  @Test func deflatedArraysAreInflated() throws {
    let folder = TemporaryFolder()
    let path = folder.file("a.npz")
    TemporaryFolder.write(NumPyBytes.deflated, to: path)
    let checkpoint = try Checkpoint.open(path)
    #expect(checkpoint.format == "npz" && checkpoint.warnings.isEmpty)
    let plan = try SavePlan.make(
      parameters: checkpoint.parameters, of: checkpoint, form: .dense(nil))
    try plan.write(to: folder.file("a.safetensors"))
    for opened in [checkpoint, try Checkpoint.open(folder.file("a.safetensors"))] {
      let parameters = opened.parameters
      #expect(try parameters["a"]?.tensor().array == (0..<12).map { Float($0) })
      let squares = (0..<400).map { Float($0 * $0 % 97) }
      #expect(try parameters["h.0.b.weight"]?.tensor().array == squares)
      #expect(parameters["h.0.b.weight"]?.shape == [20, 20])
      #expect(try parameters["c"]?.tensor().array == [0, 1, 2, 3, 4, 5])
    }
  }

  /// A claim of more bytes than deflate can make of so few.
  @Test func aBombIsRefusedUnread() throws {
    var bytes = NumPyBytes.deflated
    let entry = try #require(
      (0..<bytes.count - 4).first { Array(bytes[$0..<$0 + 4]) == [0x50, 0x4B, 1, 2] })
    bytes.replaceSubrange(entry + 24..<entry + 28, with: [0xF0, 0xFF, 0xFF, 0x7F])
    #expect(sentence(bytes).contains("102 bytes cannot stand for"), "\(sentence(bytes))")
  }

  @Test(.enabled(if: SharedData.isPresent)) func arraysOfNumPyAreRead() throws {
    let checkpoint = try Checkpoint.open(SharedData.path("samples/fortran_bigendian.npz"))
    #expect(checkpoint.warnings.isEmpty)
    let values: [(String, [Float])] = [
      ("fortran", [0, 1, 2, 3, 4, 5]), ("big", [0, 1, 2, 3, 4, 5]), ("f16", [0, 1, 2, 3]),
      ("i64", [0, 1, 2]), ("obj_ok", [1.5]),
    ]
    for (name, expected) in values {
      #expect(try checkpoint.parameters[name]?.tensor().array == expected, "\(name)")
    }
  }
}
