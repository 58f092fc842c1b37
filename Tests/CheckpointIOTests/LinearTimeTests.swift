import CheckpointIO
import Tensors
import TestSupport
import Testing

/// Four times the input costs about four times the work, in every reader: arrays are not
/// copied to add to them. Counted in bytes of objects made, so no clock is asked.
@Suite(.enabled(if: Allocations.areCounted), .serialized) struct LinearTimeTests {
  /// How often a unit is repeated; quadratic work is 16 times as much for 4 times the units.
  private static let count = 600
  /// Arrays grow in steps: twice the room, at most twice the cost of what is in it.
  private static let limit = 8.0

  private func expectLinear(
    _ what: String, _ bytes: (Int) -> [UInt8], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let (few, many) = (bytes(Self.count), bytes(4 * Self.count))
    let costs = [few, many].map { input in
      Double(Allocations.bytes { _ = try? Checkpoint.open(bytes: input, name: what) })
    }
    // It was read to its end, or the law says nothing.
    #expect(throws: Never.self, "\(what)", sourceLocation: sourceLocation) {
      try Checkpoint.open(bytes: many, name: what)
    }
    #expect(
      costs[0] > 0 && costs[1] < Self.limit * costs[0],
      "\(what): \(costs[0]), then \(costs[1]) bytes", sourceLocation: sourceLocation)
  }

  // MARK: Pickles

  /// What stands before a repeated opcode, the unit with it, and what follows.
  private struct Repetition {
    var before: [UInt8] = []
    let unit: [UInt8]
    var after: [UInt8] = [0x4E]
  }

  private static let none: [UInt8] = [0x4E]
  private static let put: [UInt8] = [0x71, 0]
  private static let get: [UInt8] = [0x68, 0]
  private static let function = ZipBytes.global("a", "b") + put

  /// Each opcode in a place where it does the most.
  private static func repetition(_ opcode: PickleOpcode) -> Repetition? {
    let code = [opcode.rawValue]
    switch opcode {
    case .stop: return nil
    case .proto: return Repetition(unit: code + [2])
    case .frame: return Repetition(unit: code + ZipBytes.little(0, 8))
    case .mark, .none, .newTrue, .newFalse, .emptyList, .emptyTuple, .emptyDict, .emptySet:
      return Repetition(unit: code)
    case .pop: return Repetition(unit: none + code)
    case .popMark: return Repetition(unit: [0x28] + none + none + code)
    case .dup: return Repetition(before: none, unit: code)
    case .binInt, .binUnicode, .binString, .binBytes:
      return Repetition(unit: code + ZipBytes.little(0, 4))
    case .binInt1, .shortBinUnicode, .shortBinString, .shortBinBytes, .long1:
      return Repetition(unit: code + [3] + (opcode == .binInt1 ? [] : [0x61, 0x62, 0x63]))
    case .binInt2: return Repetition(unit: code + [1, 1])
    case .long4:
      return Repetition(unit: code + ZipBytes.little(20, 4) + [UInt8](repeating: 7, count: 20))
    case .binFloat, .binUnicode8, .binBytes8, .byteArray8:
      return Repetition(unit: code + ZipBytes.little(0, 8))
    case .tuple: return Repetition(before: none + put, unit: [0x28] + get + code + put)
    case .tuple1: return Repetition(before: none, unit: code)
    case .tuple2: return Repetition(before: none, unit: none + code)
    case .tuple3: return Repetition(before: none, unit: none + none + code)
    case .list: return Repetition(before: none + put, unit: [0x28] + get + none + code + put)
    case .dict: return Repetition(unit: [0x28] + none + none + code)
    case .frozenSet: return Repetition(unit: [0x28] + none + none + code)
    // The container is the root, so that it is walked through as well.
    case .append: return Repetition(before: [0x5D], unit: none + code, after: [])
    case .appends: return Repetition(before: [0x5D], unit: [0x28] + none + none + code, after: [])
    case .addItems: return Repetition(before: [0x8F], unit: [0x28] + none + code, after: [])
    case .setItem: return Repetition(before: [0x7D], unit: [0x4B, 1] + none + code, after: [])
    case .setItems:
      return Repetition(before: [0x7D], unit: [0x28, 0x4B, 1] + none + code, after: [])
    case .binGet: return Repetition(before: none + put, unit: code + [0])
    case .longBinGet: return Repetition(before: none + put, unit: code + ZipBytes.little(0, 4))
    case .binPut: return Repetition(before: none, unit: code + [0])
    case .longBinPut: return Repetition(before: none, unit: code + ZipBytes.little(0, 4))
    case .memoize: return Repetition(unit: none + code)
    case .global: return Repetition(unit: ZipBytes.global("a", "b"))
    case .stackGlobal: return Repetition(unit: ZipBytes.text("a") + ZipBytes.text("b") + code)
    case .binPersID:
      let id = PickleBytes.tuple([
        ZipBytes.text("storage"), ZipBytes.global("torch", "FloatStorage"), ZipBytes.text("0"),
        ZipBytes.text("cpu"), PickleBytes.integer(1),
      ])
      return Repetition(unit: id + code)
    case .reduce, .newObj: return Repetition(before: function, unit: get + [0x29] + code)
    case .newObjEx: return Repetition(before: function, unit: get + [0x29, 0x7D] + code)
    case .build: return Repetition(before: function + [0x29, 0x52], unit: [0x7D] + code)
    }
  }

  @Test(arguments: PickleOpcode.allCases) func everyOpcodeIsLinear(opcode: PickleOpcode) throws {
    guard let part = Self.repetition(opcode) else { return }
    try expectLinear("\(opcode)") { count in
      pickle(part.before + repeated(part.unit, count) + part.after)
    }
  }

  private func repeated(_ unit: [UInt8], _ count: Int) -> [UInt8] {
    Array(repeatElement(unit, count: count).joined())
  }

  private func pickle(_ code: [UInt8]) -> [UInt8] {
    ZipBytes.pytorch(pickle: [0x80, 2] + code + [0x2E], count: 1)
  }

  /// What several opcodes do together.
  @Test func combinationsAreLinear() throws {
    let key = { (number: Int) in ZipBytes.text("k\(number)") }
    try expectLinear("keys") { count in
      pickle([0x7D] + (0..<count).flatMap { key($0) + [0x4B, 1, 0x73] })
    }
    try expectLinear("integers in a list") { count in
      pickle([0x5D] + repeated([0x8A, 1, 1, 0x61], count))
    }
    try expectLinear("items of an object") { count in
      pickle(Self.function + [0x29, 0x81] + (0..<count).flatMap { key($0) + [0x4E, 0x73] })
    }
    try expectLinear("elements of an object") { count in
      pickle(Self.function + [0x29, 0x81] + repeated([0x4E, 0x61], count))
    }
    try expectLinear("names") { count in
      pickle((0..<count).flatMap { ZipBytes.global("a", "b\($0)") } + [0x4E])
    }
    try expectLinear("state that is shared, and grows") { count in
      let dictionary: [UInt8] = [0x7D, 0x71, 1]
      let unit = [0x68, 1, 0x62, 0x30, 0x68, 1, 0x4B, 1, 0x4E, 0x73, 0x30, 0x68, 2] as [UInt8]
      return pickle(
        Self.function + [0x29, 0x81, 0x71, 2, 0x30] + dictionary + [0x30, 0x68, 2]
          + repeated(unit, count))
    }
    try expectLinear("dictionaries of one dictionary") { count in
      pickle(
        ZipBytes.global("collections", "OrderedDict") + Self.put + [0x7D, 0x71, 1]
          + repeated(Self.get + [0x68, 1, 0x85, 0x52], count) + [0x4E])
    }
  }

  @Test func tensorsAreLinear() throws {
    let tensor = ZipBytes.tensor(rows: 1, columns: 1)
    try expectLinear("tensors") { count in
      pickle(
        [0x7D] + (0..<count).flatMap { ZipBytes.text("h.\($0).fc.weight") + tensor + [0x73] })
    }
    try expectLinear("states of an optimizer") { count in
      let states = (0..<count).map {
        (PickleBytes.integer($0), PickleBytes.dictionary([("exp_avg", tensor)]))
      }
      return pickle(
        PickleBytes.dictionary([
          ("state", PickleBytes.dictionary(pairs: states)), ("param_groups", [0x5D]),
        ]))
    }
    try expectLinear("networks") { count in
      pickle(
        [0x7D]
          + (0..<count).flatMap {
            ZipBytes.text("n\($0)") + PickleBytes.dictionary([("a.weight", tensor)]) + [0x73]
          })
    }
    try expectLinear("members that share what they hold") { count in
      let shared = PickleBytes.list((0..<count).map { _ in [0x5D] }) + [0x71, 5, 0x30]
      return pickle(
        shared + [0x7D]
          + (0..<count).flatMap {
            ZipBytes.text("n\($0)") + PickleBytes.dictionary([("a", [0x68, 5])]) + [0x73]
          })
    }
  }

  /// A few bytes that name once more what is there.
  @Test func sharingIsLinear() throws {
    let tensor = ZipBytes.tensor(rows: 1, columns: 1)
    let dictionary = { (count: Int) in
      PickleBytes.dictionary((0..<count).map { ("w\($0)", tensor) }) + [0x71, 5, 0x30]
    }
    let get: [UInt8] = [0x68, 5]
    try expectLinear("a list of one dictionary") { count in
      pickle(dictionary(count) + PickleBytes.list((0..<count).map { _ in get }))
    }
    try expectLinear("a list of one list") { count in
      let list = PickleBytes.list((0..<count).map { _ in Self.none }) + [0x71, 5, 0x30]
      return pickle(list + PickleBytes.list((0..<count).map { _ in get }))
    }
    try expectLinear("networks that are one") { count in
      pickle(
        dictionary(count)
          + PickleBytes.dictionary((0..<count).map { ("n\($0)", get) } + [("a.weight", tensor)]))
    }
    try expectLinear("averages that are one") { count in
      pickle(
        dictionary(count)
          + PickleBytes.dictionary((0..<count).map { ($0 % 2 == 0 ? "n\($0)" : "ema_\($0)", get) }))
    }
    try expectLinear("objects of one state") { count in
      let object = ZipBytes.global("a", "b") + [0x29, 0x81] + get + [0x62]
      return pickle(
        dictionary(count) + PickleBytes.dictionary((0..<count).map { ("o\($0)", object) }))
    }
  }

  // MARK: The other formats

  private func safetensors(_ header: String, data: Int) -> [UInt8] {
    ZipBytes.little(header.utf8.count, 8) + Array(header.utf8)
      + [UInt8](repeating: 0, count: data)
  }

  private func list(_ count: Int, _ element: (Int) -> String) -> String {
    (0..<count).map(element).joined(separator: ",")
  }

  private func tensors(_ count: Int, _ name: (Int) -> String) -> [UInt8] {
    safetensors(
      "{"
        + list(count) {
          #""\#(name($0))":{"dtype":"F32","shape":[1,1],"data_offsets":[\#(4 * $0),\#(4 * $0 + 4)]}"#
        } + "}", data: 4 * count)
  }

  static let names: [(String, @Sendable (Int) -> String)] = [
    ("blocks", { "model.layers.\($0).fc.weight" }), ("plain", { "tensor\($0)" }),
    ("escaped", { "tensor\\u0041\($0)" }), ("stacks", { "s\($0).layers.0.fc.weight" }),
    ("kinds", { "layers.0.kind\($0).weight" }),
    ("masks", { "m\($0 / 2).weight_\($0 % 2 == 0 ? "orig" : "mask")" }),
    ("states", { "w\($0).exp_avg" }), ("optimizers", { "optim\($0).weight" }),
    ("averages", { $0 % 2 == 0 ? "ema.w\($0 / 2)" : "model.w\($0 / 2)" }),
    ("averages of their own", { "ema_\($0).w" }),
    ("experts", { "model.layers.0.mlp.experts.\($0).w1.weight" }),
  ]

  @Test(arguments: names.map(\.0)) func tensorsOfSafetensorsAreLinear(kind: String) throws {
    let name = try #require(Self.names.first { $0.0 == kind }).1
    try expectLinear(kind) { tensors($0, name) }
  }

  @Test func metadataIsLinear() throws {
    try expectLinear("pairs") { count in
      safetensors(#"{"__metadata__":{\#(list(count) { #""k\#($0)":"v""# })}}"#, data: 0)
    }
    try expectLinear("a long text") { count in
      safetensors(
        #"{"__metadata__":{"k":"\#(String(repeating: "v", count: 10 * count))"}}"#, data: 0)
    }
    try expectLinear("escapes") { count in
      safetensors(
        #"{"__metadata__":{"k":"\#(String(repeating: #"\n"#, count: 10 * count))"}}"#, data: 0)
    }
    try expectLinear("values of other types") { count in
      safetensors(#"{"__metadata__":{"k":[\#(list(count) { "[\($0)]" })]}}"#, data: 0)
    }
  }

  @Test func ggufIsLinear() throws {
    try expectLinear("pairs") { count in
      var file = GGUFBytes()
      for number in 0..<count { file.add("k\(number)", .number(4, UInt32(number))) }
      return file.bytes
    }
    let kinds: [(UInt32, GGUFBytes.Value)] = [
      (4, .number(4, UInt32(1))), (8, .text("abc")), (9, .array(4, [.number(4, UInt32(1))])),
    ]
    for (kind, element) in kinds {
      try expectLinear("an array of kind \(kind)") { count in
        var file = GGUFBytes()
        file.add("a", .array(kind, Array(repeating: element, count: count)))
        return file.bytes
      }
    }
    try expectLinear("tensors") { count in
      var file = GGUFBytes()
      for number in 0..<count {
        file.add("blk.\(number).ffn_up.weight", type: 0, [1, 1], [0, 0, 0, 0])
      }
      return file.bytes
    }
  }

  @Test func numPyIsLinear() throws {
    try expectLinear("arrays") { count in
      ZipBytes.archive(
        (0..<count).map { ("a\($0).npy", NumPyBytes.array("<f4", "(1,)", [0, 0, 0, 0])) })
    }
    try expectLinear("a long header") { count in
      NumPyBytes.file(
        header: "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }"
          + String(repeating: " ", count: 10 * count) + "\n", data: [0, 0, 0, 0])
    }
  }

  /// An index and the files beside a checkpoint.
  @Test func foldersAreLinear() throws {
    let costs = try [Self.count, 4 * Self.count].map { count in
      let folder = TemporaryFolder()
      TemporaryFolder.write(
        tensors(count) { "model.layers.\($0).fc.weight" },
        to: folder.file("model-00001-of-00001.safetensors"))
      let map = list(count) {
        #""model.layers.\#($0).fc.weight":"model-00001-of-00001.safetensors""#
      }
      TemporaryFolder.write(
        Array(#"{"metadata":{},"weight_map":{\#(map)}}"#.utf8),
        to: folder.file("model.safetensors.index.json"))
      TemporaryFolder.write(
        Array("{\(list(count) { #""setting\#($0)":\#($0)"# })}".utf8),
        to: folder.file("config.json"))
      var found = 0
      let cost = try Allocations.bytes {
        found = try Checkpoint.open(folder.path).tensors.count
      }
      #expect(found == count)
      return cost
    }
    #expect(Double(costs[1]) < Self.limit * Double(costs[0]), "\(costs)")
  }

  /// The law sees the fault that it is about: an array that is copied for each element.
  @Test func copyingArraysIsSeen() {
    let costs = [Self.count, 4 * Self.count].map { count in
      Double(
        Allocations.bytes {
          var list: [Int] = []
          for number in 0..<count {
            let copy = list
            withExtendedLifetime(copy) { list.append(number) }
          }
        })
    }
    #expect(costs[1] > Self.limit * costs[0], "\(costs)")
  }
}
