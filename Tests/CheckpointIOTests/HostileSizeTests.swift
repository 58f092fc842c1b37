import CheckpointIO
import Glibc
import Tensors
import TestSupport
import Testing

/// Few bytes that claim to be much: each is refused with a sentence before
/// memory or time is spent on it.
@Suite struct HostileSizeTests {
  private static let mark: UInt8 = 0x28
  private static let setItem: UInt8 = 0x73
  private static let memoizeKey: [UInt8] = [0x71, 0]
  private static let memoizeTensor: [UInt8] = [0x71, 1]
  private static let key: [UInt8] = [0x68, 0]
  private static let tensor: [UInt8] = [0x68, 1]

  private func sentence(_ bytes: [UInt8]) -> String {
    do {
      let checkpoint = try Checkpoint.open(bytes: bytes, name: "hostile")
      return "opened with \(checkpoint.tensors.count) tensors"
    } catch {
      return error.description
    }
  }

  private func safetensors(_ header: String, data: Int = 0) -> [UInt8] {
    ZipBytes.little(header.utf8.count, 8) + Array(header.utf8)
      + [UInt8](repeating: 0, count: data)
  }

  /// `{"m": [{KEY: tensor}, {KEY: tensor}, …]}` with one shared key.
  private func pickle(key length: Int, containers: Int) -> [UInt8] {
    var code: [UInt8] = [0x80, 2, 0x7D] + ZipBytes.text("m") + [0x5D, Self.mark]
    for index in 0..<containers {
      code += [0x7D]
      code +=
        index == 0
        ? ZipBytes.text(String(repeating: "k", count: length)) + Self.memoizeKey
          + ZipBytes.tensor(rows: 1, columns: 1) + Self.memoizeTensor : Self.key + Self.tensor
      code += [Self.setItem]
    }
    return ZipBytes.pytorch(pickle: code + [0x65, Self.setItem, 0x2E], count: 1)
  }

  @Test func aSharedKeyMakesNoNamesWithoutEnd() {
    #expect(sentence(pickle(key: 4000, containers: 10)) == "opened with 10 tensors")
    #expect(
      sentence(pickle(key: 1 << 20, containers: 3))
        == "the length of a tensor's name exceeds the limit of 8,192")
    #expect(
      sentence(pickle(key: 4000, containers: 17_000))
        == "the length of all tensors' names exceeds the limit of 67,108,864")
  }

  /// `{KEY: {KEY: … {KEY: tensor}}}`: containers' names are not made, and the
  /// tensor's is too long.
  @Test func nestedKeysMakeNoNamesWithoutEnd() {
    var code: [UInt8] = [0x80, 2, 0x7D] + ZipBytes.text(String(repeating: "k", count: 200))
    code += Self.memoizeKey
    for _ in 0..<48 { code += [0x7D] + Self.key }
    code += ZipBytes.tensor(rows: 1, columns: 1)
    code += [UInt8](repeating: Self.setItem, count: 49) + [0x2E]
    #expect(
      sentence(ZipBytes.pytorch(pickle: code, count: 1))
        == "the length of a tensor's name exceeds the limit of 8,192")
  }

  @Test(arguments: [0x28, 0x94] as [UInt8])
  func oneByteMakesNoReferencesWithoutEnd(opcode: UInt8) {
    let code = [0x80, 2, 0x4E] + [UInt8](repeating: opcode, count: 8_000_001) + [0x2E]
    #expect(
      sentence(ZipBytes.pytorch(pickle: code, count: 1))
        == "the pickle's number of references exceeds the limit of 8,000,000")
  }

  @Test func storagesHaveShortNames() {
    let tensor = ZipBytes.tensor(
      rows: 1, columns: 1, storage: String(repeating: "0", count: 257))
    let code = [0x80, 2, 0x7D] + ZipBytes.text("a") + tensor + [Self.setItem, 0x2E]
    #expect(
      sentence(ZipBytes.pytorch(pickle: code, count: 1))
        == "the length of a storage's name exceeds the limit of 256")
  }

  @Test func aSafetensorsNameIsBounded() {
    let name = String(repeating: "n", count: 8193)
    #expect(
      sentence(safetensors("{\"\(name)\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}"))
        == "the length of a tensor's name exceeds the limit of 8,192")
  }

  /// No values, but as many rows as there is no memory for.
  @Test(arguments: ["[72057594037927935,0]", "[0,1048577]", "[2097152,0,4]"])
  func emptyTensorsHaveFewRows(shape: String) {
    let text = sentence(
      safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":\(shape),\"data_offsets\":[0,0]}}"))
    #expect(text.contains("'a', which has no values, exceeds the limit of 1,048,576"), "\(text)")
  }

  @Test func jsonOfManyValuesIsRefused() {
    let values = String(repeating: "0,", count: 4 << 20)
    #expect(
      sentence(safetensors("{\"__metadata__\":{\"a\":[\(values)0]}}"))
        == "the number of values in JSON exceeds the limit of 4,194,304")
  }

  @Test func warningsAreFew() throws {
    let entries = (0..<1000).map {
      "\"\($0)\":{\"dtype\":\"F33\",\"shape\":[0],\"data_offsets\":[0,0]}"
    }
    let bytes = safetensors("{\(entries.joined(separator: ","))}")
    let checkpoint = try Checkpoint.open(bytes: bytes, name: "hostile")
    #expect(checkpoint.tensors.count == 1000)
    #expect(checkpoint.warnings.count <= 101)
  }

  /// The magnitude of the least 64-bit integer is none.
  @Test(arguments: [Int.min, Int.max]) func extremeGridsAreImpossible(bound: Int) {
    let record =
      #"{\"version\":1,\"tensors\":{\"a\":{\"encoding\":\"packed\",\"dtype\":\"F32\","#
      + #"\"shape\":[1,1],\"bits\":1,\"lowest\":\#(bound),\"highest\":\#(bound),\"group\":1}}}"#
    let text = sentence(safetensors("{\"__metadata__\":{\"pare.packing\":\"\(record)\"}}"))
    #expect(text == "packed tensor 'a' is damaged: its grid is impossible")
  }

  /// A pipe that nobody writes to holds nothing up, also where a file beside
  /// the checkpoint should be.
  @Test func pipesAreNotWaitedFor() throws {
    let folder = TemporaryFolder()
    #expect(unsafe mkfifo(folder.file("config.json"), 0o600) == 0)
    let path = folder.file("a.pt")
    TemporaryFolder.write(ZipBytes.pytorch(rows: 1, columns: 1), to: path)
    #expect(try Checkpoint.open(path).tensors.count == 1)
    #expect(throws: CheckpointError.notARegularFile(path: folder.file("config.json"))) {
      try Checkpoint.open(folder.file("config.json"))
    }
  }

  /// What is written can be read: no two arrays of one name, none of the
  /// metadata's.
  @Test(arguments: [["a", "a"], ["__metadata__"], ["a", "a.pare.codes"]])
  func namesThatCollideAreNotWritten(names: [String]) {
    let grid = QuantizationGrid(bits: 2, codes: -1...1, groupSize: 4096, scales: [0.5])
    let parameters = names.enumerated().map { index, name in
      let isPacked = index == 0
      let tensor = Tensor([1, 4096], [Float](repeating: 0.5, count: 4096))
      return Parameter(
        name: name, shape: tensor.shape, dtype: .f32, place: Samples.place,
        grid: isPacked ? grid : nil, load: { tensor })
    }
    #expect(throws: CheckpointError.duplicateTensor(name: names[names.count - 1])) {
      try SavePlan.make(
        parameters: Parameters(parameters),
        form: names.contains("a.pare.codes") ? .packed : .dense(nil))
    }
  }
}
