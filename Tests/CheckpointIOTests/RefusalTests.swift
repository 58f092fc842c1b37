import CheckpointIO
internal import Glibc
import Tensors
import TestSupport
import Testing

/// Every reason for which a file is not read or written: an input that has it, and the
/// sentence. A case of `CheckpointError` that is missing here does not compile.
@Suite struct RefusalTests {
  @Test(arguments: Refusal.allCases) func eachHasItsSentence(refusal: Refusal) throws {
    let folder = TemporaryFolder()
    let (sentence, cause) = refusal.example(in: folder)
    let error = try #require(throws: CheckpointError.self) { try cause() }
    #expect(Refusal(error) == refusal)
    #expect(error.description.replacing(folder.path, with: "FOLDER") == sentence)
  }
}

/// The cases of `CheckpointError` without what they carry.
enum Refusal: CaseIterable, Sendable {
  case cannotOpen, directory, notARegularFile, empty, unrecognized, unsupportedFormat, truncated
  case headerTooLong, invalidJSON, duplicateTensor, missingField, negativeDimension, shapeTooLarge
  case tooManyDimensions, invalidRange, sizeMismatch, outsideFile, overlap, gap, unreadableType
  case invalidPacking, invalidZip, compressedEntry, missingEntry, invalidPickle, invalidGGUF
  case invalidNumPy, invalidPart, misaligned, rowNotInBlocks, forbiddenConstructor
  case storageTooShort, negativeStride, limitExceeded, invalidConversion, sameFile, cannotRead
  case cannotWrite, exists, stopped, changed, invalidQuantization, invalidDeflate
  case invalidParts, noWeights, wholeModule, isInput, unreadCodes, invalidImportance

  init(_ error: CheckpointError) {
    self =
      switch error {
      case .cannotOpen: .cannotOpen
      case .directory: .directory
      case .notARegularFile: .notARegularFile
      case .empty: .empty
      case .unrecognized: .unrecognized
      case .unsupportedFormat: .unsupportedFormat
      case .truncated: .truncated
      case .headerTooLong: .headerTooLong
      case .invalidJSON: .invalidJSON
      case .duplicateTensor: .duplicateTensor
      case .missingField: .missingField
      case .negativeDimension: .negativeDimension
      case .shapeTooLarge: .shapeTooLarge
      case .tooManyDimensions: .tooManyDimensions
      case .invalidRange: .invalidRange
      case .sizeMismatch: .sizeMismatch
      case .outsideFile: .outsideFile
      case .overlap: .overlap
      case .gap: .gap
      case .unreadableType: .unreadableType
      case .invalidPacking: .invalidPacking
      case .invalidZip: .invalidZip
      case .compressedEntry: .compressedEntry
      case .invalidDeflate: .invalidDeflate
      case .missingEntry: .missingEntry
      case .invalidPickle: .invalidPickle
      case .invalidGGUF: .invalidGGUF
      case .invalidNumPy: .invalidNumPy
      case .invalidPart: .invalidPart
      case .invalidImportance: .invalidImportance
      case .misaligned: .misaligned
      case .rowNotInBlocks: .rowNotInBlocks
      case .forbiddenConstructor: .forbiddenConstructor
      case .storageTooShort: .storageTooShort
      case .negativeStride: .negativeStride
      case .limitExceeded: .limitExceeded
      case .invalidConversion: .invalidConversion
      case .sameFile: .sameFile
      case .isInput: .isInput
      case .cannotRead: .cannotRead
      case .cannotWrite: .cannotWrite
      case .exists: .exists
      case .stopped: .stopped
      case .changed: .changed
      case .invalidQuantization: .invalidQuantization
      case .invalidParts: .invalidParts
      case .noWeights: .noWeights
      case .wholeModule: .wholeModule
      case .unreadCodes: .unreadCodes
      }
  }

  typealias Example = (sentence: String, cause: () throws -> Void)

  func example(in folder: TemporaryFolder) -> Example {
    switch self {
    case .cannotOpen, .directory, .notARegularFile, .sameFile, .cannotRead, .cannotWrite, .exists,
      .stopped, .invalidPart, .invalidConversion, .changed, .invalidQuantization, .isInput,
      .unreadCodes, .invalidImportance:
      fileExample(in: folder)
    case .invalidZip, .compressedEntry, .invalidDeflate, .missingEntry, .invalidPickle,
      .forbiddenConstructor, .storageTooShort, .negativeStride, .invalidParts, .noWeights,
      .wholeModule:
      pickleExample
    case .empty, .unrecognized, .unsupportedFormat, .truncated, .headerTooLong, .unreadableType,
      .invalidGGUF, .invalidNumPy, .misaligned, .rowNotInBlocks:
      byteExample
    case .invalidJSON, .duplicateTensor, .missingField, .negativeDimension, .shapeTooLarge,
      .tooManyDimensions, .invalidRange, .sizeMismatch, .outsideFile, .overlap, .gap,
      .invalidPacking, .limitExceeded:
      headerExample
    }
  }
}

extension Refusal {
  private static func opening(_ sentence: String, _ bytes: [UInt8]) -> Example {
    (sentence, { _ = try Checkpoint.open(bytes: bytes, name: "bad") })
  }

  /// A safetensors file with eight bytes of data.
  private static func header(_ sentence: String, _ header: String) -> Example {
    opening(
      sentence,
      ZipBytes.little(header.utf8.count, 8) + Array(header.utf8) + [UInt8](repeating: 0, count: 8))
  }

  private static func entry(
    _ name: String, shape: String = "[4]", _ begin: Int, _ end: Int
  ) -> String {
    #""\#(name)":{"dtype":"U8","shape":\#(shape),"data_offsets":[\#(begin),\#(end)]}"#
  }

  private var headerExample: Example {
    switch self {
    case .invalidJSON: Self.header("invalid JSON at byte 9: '\"' expected", "{]")
    case .duplicateTensor:
      Self.header(
        "tensor 'a' is listed twice (duplicate name)",
        "{\(Self.entry("a", 0, 4)),\(Self.entry("a", 4, 8))}")
    case .missingField: Self.header("tensor 'a' has no dtype", #"{"a":{}}"#)
    case .negativeDimension:
      Self.header(
        "tensor 'a' has a negative dimension", "{\(Self.entry("a", shape: "[-1]", 0, 4))}")
    case .shapeTooLarge:
      Self.header(
        "tensor 'a' has a shape whose size overflows 64 bits",
        "{\(Self.entry("a", shape: "[4294967296,4294967296]", 0, 4))}")
    case .tooManyDimensions:
      Self.header(
        "tensor 'a' has more than 64 dimensions",
        "{\(Self.entry("a", shape: "[\(Array(repeating: "1", count: 65).joined(separator: ","))]", 0, 1))}"
      )
    case .invalidRange:
      Self.header(
        "tensor 'a' has the impossible byte range 4 to 0", "{\(Self.entry("a", 4, 0))}")
    case .sizeMismatch:
      Self.header(
        "tensor 'a' needs 4 bytes by its shape, its range has 8", "{\(Self.entry("a", 0, 8))}")
    case .outsideFile:
      Self.header(
        "the file is truncated: tensor 'a' ends at byte 72, the file at 70",
        "{\(Self.entry("a", 6, 10))}")
    case .overlap:
      Self.header(
        "tensors 'a' and 'b' overlap in the file",
        "{\(Self.entry("a", 0, 4)),\(Self.entry("b", 2, 6))}")
    case .gap:
      Self.header(
        "tensor 'a' begins at data byte 2 instead of 0: a gap", "{\(Self.entry("a", 2, 6))}")
    case .invalidPacking:
      Self.header(
        "packed tensor 'a' is damaged: its description is incomplete",
        #"{"__metadata__":{"pare.packing":"{\"version\":1,\"tensors\":{\"a\":{}}}"}}"#)
    default:
      Self.header(
        "the length of a tensor's name exceeds the limit of 8,192",
        "{\(Self.entry(String(repeating: "n", count: 8193), 0, 4))}")
    }
  }

  private var byteExample: Example {
    switch self {
    case .empty: Self.opening("the file is empty: too short for a checkpoint", [])
    case .unrecognized:
      Self.opening(
        "not a checkpoint: the file starts with bytes ff ff ff ff ff ff ff ff, which is neither "
          + "safetensors nor PyTorch nor GGUF nor NumPy", [UInt8](repeating: 0xFF, count: 16))
    case .unsupportedFormat:
      Self.opening(
        "this is a gzip archive; Pare reads safetensors, PyTorch, GGUF and NumPy",
        [0x1F, 0x8B, 8, 0])
    case .truncated:
      Self.opening(
        "the file is truncated: the header at byte 8 needs 100 bytes, 2 are there",
        ZipBytes.little(100, 8) + Array("{}".utf8))
    case .headerTooLong:
      Self.opening(
        "the header claims 1099511627776 bytes, more than the limit of 100000000",
        ZipBytes.little(1 << 40, 8) + Array("{}".utf8))
    case .unreadableType:
      Self.opening(
        "tensor 'array' has the data type '|O (Python objects)', which Pare does not read",
        NumPyBytes.array("|O", "(1,)", [0]))
    case .invalidNumPy:
      Self.opening(
        "array 'array' has an invalid header at byte 6: version 9 is not known",
        NumPyBytes.file(header: "", version: 9))
    case .invalidGGUF:
      Self.opening(
        "invalid GGUF header at byte 33: there is no metadata type 99",
        gguf { $0.add("k", GGUFBytes.Value(kind: 99, bytes: [0])) })
    case .misaligned:
      Self.opening(
        "tensor 'a' begins at data byte 1, no multiple of 32",
        gguf { $0.add("a", type: 0, [1], [0, 0, 0, 0], offset: 1) })
    default:
      Self.opening(
        "tensor 'a' has rows of 33, and Q8_0 needs multiples of 32",
        gguf { $0.add("a", type: 8, [33], [UInt8](repeating: 0, count: 68)) })
    }
  }

  private func gguf(_ fill: (inout GGUFBytes) -> Void) -> [UInt8] {
    var file = GGUFBytes()
    fill(&file)
    return file.bytes
  }

  private var pickleExample: Example {
    let whole = ZipBytes.pickle(rows: 3, columns: 4)
    switch self {
    case .invalidZip:
      return Self.opening(
        "invalid zip archive at byte 156: entry 'a' is listed twice",
        ZipBytes.archive([("a", []), ("a", [])]))
    case .compressedEntry:
      return Self.opening(
        "zip entry 'm/data.pkl' is compressed; save the checkpoint uncompressed, as torch.save "
          + "does", ZipBytes.archive([("m/data.pkl", whole)], method: 99))
    case .invalidDeflate:
      return Self.opening(
        "'a' is damaged at byte 1 of its compressed bytes: it is no deflate",
        ZipBytes.archive([("a.npy", [0xFF, 1, 2])], method: 8))
    case .missingEntry:
      let tensor = ZipBytes.tensor(rows: 1, columns: 1, storage: "7")
      return Self.opening(
        "the archive has no entry 'm/data/7'",
        ZipBytes.pytorch(
          pickle: [0x80, 2, 0x7D] + ZipBytes.text("a") + tensor + [0x73, 0x2E], count: 1))
    case .invalidPickle:
      return Self.opening(
        "invalid pickle at byte 42: opcode 0xfe is unknown or not used by torch.save",
        ZipBytes.pytorch(pickle: [0x80, 2, 0xFE], count: 1))
    case .forbiddenConstructor:
      return Self.opening(
        "the pickle asks for 'os.system' at byte 42, which is refused: it would run code in "
          + "PyTorch, and no checkpoint needs it",
        ZipBytes.pytorch(pickle: [0x80, 2] + ZipBytes.global("os", "system") + [0x2E], count: 1))
    case .invalidParts:
      return (
        "tensor 'a', which several arrays make, is damaged: its index 9 is outside of its shape",
        {
          var pickle = PickleBytes()
          let indices = pickle.tensor([2, 2], integers: [0, 9, 1, 2])
          let parts = [indices, pickle.tensor([2], [3, 4])]
          let bytes = pickle.file([("a", PickleBytes.sparse("coo", parts, shape: [2, 4]))])
          _ = try Checkpoint.open(bytes: bytes, name: "bad").parameters[0].tensor()
        }
      )
    case .noWeights:
      return (
        "the file holds no weights: its one tensor is training state, such as an optimizer keeps",
        {
          var pickle = PickleBytes()
          let state = pickle.tensor([2], [1, 2])
          let bytes = pickle.file([("exp_avg", state)])
          try Checkpoint.open(bytes: bytes, name: "bad").checkWeights()
        }
      )
    case .wholeModule:
      return Self.opening(
        "the file holds a whole pickled module, 'net.GPT', which only its own code can open; save "
          + "its state dictionary: torch.save(model.state_dict(), \"model.pt\")",
        PickleBytes().file(
          root: PickleBytes.object("net", "GPT", attributes: [("_modules", [0x7D])])))
    case .storageTooShort:
      return Self.opening(
        "tensor 'a' reaches to byte 48 of a storage of 8 bytes",
        ZipBytes.pytorch(pickle: whole, count: 2))
    default:
      // The strides (4, 1) follow the shape (3, 4).
      let strides: [UInt8] = [0x86, 0x4A] + ZipBytes.little(4, 4)
      let start = whole.indices.first { whole[$0...].starts(with: strides) } ?? 0
      var negative = whole
      negative.replaceSubrange(start + 2..<start + 6, with: ZipBytes.little(-4, 4))
      return Self.opening(
        "tensor 'a' has a negative stride or offset", ZipBytes.pytorch(pickle: negative, count: 12))
    }
  }

  private func fileExample(in folder: TemporaryFolder) -> Example {
    let path = folder.file("a.safetensors")
    let one = Parameters([Samples.tensor(.f32, [3, 4], seed: 5)])
    switch self {
    case .cannotOpen:
      return (
        "cannot open FOLDER/none: No such file or directory",
        { _ = try Checkpoint.open(folder.file("none")) }
      )
    case .directory:
      return (
        "FOLDER is a directory without model.safetensors, pytorch_model.bin, an index of their "
          + "shards or ckpt.pt; name a checkpoint file inside it",
        { _ = try Checkpoint.open(folder.path) }
      )
    case .notARegularFile:
      return (
        "standard input is not a regular file; a checkpoint is mapped, so save it to a file first",
        { _ = try Checkpoint.open("-") }
      )
    case .sameFile:
      return (
        "FOLDER/a.safetensors is the checkpoint that is open; save under another name",
        {
          try SavePlan.make(parameters: one, form: .dense(nil)).write(to: path)
          let checkpoint = try Checkpoint.open(path)
          try SavePlan.make(
            parameters: checkpoint.parameters, of: checkpoint, form: .dense(nil)
          ).write(to: path)
        }
      )
    case .isInput:
      return (
        "FOLDER/a.safetensors would be written, and is an input; write to another file",
        {
          TemporaryFolder.write([1], to: path)
          try SaveOutput.check([path], against: [path])
        }
      )
    case .changed:
      return (
        "FOLDER/a.safetensors was changed, cut short or became unreadable while it was open; "
          + "open it again",
        {
          try SavePlan.make(parameters: one, form: .dense(nil)).write(to: path)
          let checkpoint = try Checkpoint.open(path)
          _ = unsafe truncate(path, 9)
          try checkpoint.check()
        }
      )
    case .invalidQuantization:
      return (
        "quantized tensor 'model.layers.0.self_attn.q_proj.weight' is damaged: "
          + "'model.layers.0.self_attn.q_proj.qweight' is 6 × 128 instead of 6 × 64",
        {
          var quantized = QuantizedFolder.gptq(bits: 4, isReordered: false)
          quantized.arrays[0].shape = [6, 128]
          _ = try Checkpoint.open(quantized.write())
        }
      )
    case .unreadCodes:
      return (
        "tensor 'model.layers.0.mlp.up_proj.weight' holds codes of a layout that Pare does not "
          + "read (eetq: I8 'weight' beside 'weight_scales'); codes are shown, but not used as "
          + "weights",
        {
          let unknown = UnreadCodeTests.unknown[1].folder(modules: 1)
          let checkpoint = try Checkpoint.open(unknown.write())
          _ = try SavePlan.make(
            parameters: checkpoint.parameters, of: checkpoint, form: .packed)
        }
      )
    case .cannotRead:
      return (
        "cannot read FOLDER: it is not a file",
        { _ = try WholeFile.read(folder.path, limit: 1) }
      )
    case .cannotWrite:
      return (
        "cannot write FOLDER/none/a: No such file or directory",
        { try WholeFile.write([0], to: folder.file("none/a")) }
      )
    case .exists:
      return (
        "FOLDER/a.safetensors is there already; add --force to replace it",
        {
          try WholeFile.write([0], to: path)
          try WholeFile.write([0], to: path, overwrite: false)
        }
      )
    case .invalidPart:
      return (
        "part '../a' of the checkpoint cannot be used: a shard is a file beside the index, not "
          + "a path",
        {
          _ = try Checkpoint.open(
            bytes: Array(#"{"weight_map":{"a":"../a"}}"#.utf8), name: "index")
        }
      )
    case .invalidImportance:
      return (
        "cannot use the importance file FOLDER/a.safetensors: 'a' is there twice, again at byte 21",
        {
          let entry = ("a", Int32(1), [Float(1)])
          TemporaryFolder.write(
            OldImportance.bytes([entry, entry], pieces: 1, text: ""), to: path)
          _ = try ImportanceMatrix(contentsOf: path)
        }
      )
    case .invalidConversion:
      let format = BlockFormat.allCases.first { !$0.isWritable } ?? .q4_0
      return (
        "this cannot be written: \(format.rawValue) is read, but not written",
        { _ = try GGUFPlan.make(parameters: one, storage: .blocks(format)) }
      )
    default:
      return (
        "the save was stopped; nothing was changed",
        { _ = try SavePlan.make(parameters: one, form: .packed, shouldStop: { true }) }
      )
    }
  }
}
