import CheckpointIO
import Tensors
import TestSupport
import Testing

/// Quantized folders that do not hold together, or whose layout is not known.
@Suite struct QuantizedRefusalTests {
  private func sentence(_ folder: QuantizedFolder) -> String {
    CheckpointIOTests.sentence(opening: try Checkpoint.open(folder.write()))
  }

  /// A change to one array, and what the sentence then says.
  struct Damage: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let folder: @Sendable () -> QuantizedFolder
    let array: Int
    let change: @Sendable (inout QuantizedFolder.Array) -> Void
    let words: String

    init(
      _ words: String, _ folder: @escaping @Sendable () -> QuantizedFolder, array: Int,
      _ change: @escaping @Sendable (inout QuantizedFolder.Array) -> Void
    ) {
      testDescription = words
      self.folder = folder
      self.array = array
      self.change = change
      self.words = words
    }
  }

  private static func state(_ text: String) -> @Sendable (inout QuantizedFolder.Array) -> Void {
    { array in
      array.bytes = Array(text.utf8)
      array.shape = [array.bytes.count]
    }
  }

  @Sendable private static func shorten(_ array: inout QuantizedFolder.Array) {
    let rows = array.shape[0]
    array.shape[0] -= 1
    array.bytes.removeLast(array.bytes.count / rows)
  }

  @Sendable private static func gptq() -> QuantizedFolder { .gptq(bits: 4, isReordered: false) }
  @Sendable private static func nf4() -> QuantizedFolder { .fourBit("nf4", isNested: false) }
  @Sendable private static func nested() -> QuantizedFolder { .fourBit("nf4", isNested: true) }
  @Sendable private static func packed() -> QuantizedFolder { .packed(bits: 4) }

  static let damages = [
    Damage("6 × 128 instead of 6 × 64", gptq, array: 0) { $0.shape = [6, 128] },
    Damage("g_idx' is 96 instead of 88", gptq, array: 0) { shorten(&$0) },
    Damage("qzeros' is 2 × 8 instead of 3 × 8", gptq, array: 1) { shorten(&$0) },
    Damage("belong to none of 2, 3, 4 and 8 bits", gptq, array: 1) { $0.shape = [24, 1] },
    Damage("'qzeros' has the type F32", gptq, array: 1) { $0.dtype = "F32" },
    Damage("g_idx' is 95 instead of 96", gptq, array: 3) { shorten(&$0) },
    Damage("g_idx' names a group that is not there", gptq, array: 3) { $0.bytes[0] = 3 },
    Damage("g_idx' names a group that is not there", gptq, array: 3) { $0.bytes[3] = 0x80 },
    Damage("qzeros' is 1 × 3 instead of 2 × 3", { .awq() }, array: 1) { shorten(&$0) },
    Damage("qzeros' is 2 × 3 instead of 1 × 3", { .awq() }, array: 2) { shorten(&$0) },
    Damage("82 numbers of codes do not hold 5 × 33", nf4, array: 0) { shorten(&$0) },
    Damage("2 numbers instead of 3", nf4, array: 1) { shorten(&$0) },
    Damage("15 numbers instead of 16", nf4, array: 2) { shorten(&$0) },
    Damage("is no JSON object", nf4, array: 3, state("{\"shape\"")),
    Damage("its state has no shape", nf4, array: 3, state("[]")),
    Damage("no block size", nf4, array: 3, state(#"{"shape": [5, 33], "blocksize": 0}"#)),
    Damage(
      "shape whose size overflows", nf4, array: 3,
      state(#"{"shape": [4611686018427387904, 8], "blocksize": 64}"#)),
    Damage(
      "83 numbers of codes do not hold", nf4, array: 3,
      state(#"{"shape": [1000000, 1000000], "blocksize": 64}"#)),
    Damage("negative dimension", nf4, array: 3, state(#"{"shape": [-5, -33]}"#)),
    Damage("'weight.absmax' has 39 numbers", nested, array: 1) { shorten(&$0) },
    Damage("'weight.nested_absmax' has 2 numbers", nested, array: 2) { shorten(&$0) },
    Damage("has 255 numbers instead of 256", nested, array: 3) { shorten(&$0) },
    Damage("'SCB' has 5 numbers for 6", { .int8() }, array: 1) { shorten(&$0) },
    Damage("47 × 20 words hold no matrix of 48", packed, array: 0) { shorten(&$0) },
    Damage("rows of 10 words hold no 160 codes", packed, array: 0) { array in
      array.shape = [48, 10]
      array.bytes.removeLast(48 * 10 * 4)
    },
    Damage("fit no 48 × 160 weights", packed, array: 1) { shorten(&$0) },
    Damage("negative dimension", packed, array: 2) { $0.bytes[3] = 0x80 },
    Damage("weight_zero_point' is 5 × 5 instead of 6 × 5", packed, array: 3) { shorten(&$0) },
    Damage("zero points of 5 × 1 do not fit", { .compressedInt8() }, array: 2) { shorten(&$0) },
  ]

  @Test(arguments: damages) func arraysThatDoNotFitAreRefused(damage: Damage) {
    var folder = damage.folder()
    damage.change(&folder.arrays[damage.array])
    let sentence = sentence(folder)
    #expect(sentence.contains(damage.words), "\(sentence)")
    #expect(sentence.contains(QuantizedFolder.weight), "\(sentence)")
    #expect(!sentence.contains("\n") && sentence.count < 400)
  }

  static let unknown: [(String?, String)] = [
    (nil, "I32 'qweight' beside 'scales', no quantization_config"),
    (#"{"quant_method": "quip"}"#, "quip: I32"),
    (#"{"quant_method": "gptq", "checkpoint_format": "marlin"}"#, "GPTQ in the layout marlin: I32"),
    (#"{"quant_method": "awq", "version": "gemv"}"#, "AWQ in the layout gemv: I32"),
    (#"{"quant_method": "bitsandbytes"}"#, "not laid out as quantization_config says"),
    (#"{"quant_method": "auto-round"}"#, "auto-round in the packing auto_round: I32"),
    (#"{"bits": 4}"#, "an unnamed method: I32"),
  ]

  @Test(arguments: unknown)
  func layoutsThatAreNotKnownAreListedAsTheyAre(settings: String?, words: String) throws {
    var folder = QuantizedFolder(settings)
    folder.arrays = QuantizedFolder.gptq(bits: 4, isReordered: false).arrays
    let sentence = sentence(folder)
    #expect(sentence.hasPrefix("opened 4; tensor '\(QuantizedFolder.module).qweight'"))
    #expect(sentence.contains("codes of a layout that Pare does not read"))
    #expect(sentence.contains(words), "\(sentence)")
  }

  @Test func aLayerWithoutItsScalesIsListedAsItIs() {
    var folder = QuantizedFolder.gptq(bits: 4, isReordered: false)
    folder.arrays.remove(at: 2)
    #expect(
      sentence(folder).hasPrefix("opened 3; tensor '\(QuantizedFolder.module).qweight' and 1 more"))
  }

  @Test func aMatrixThatIsThereTwiceIsRefused() {
    var folder = QuantizedFolder.gptq(bits: 4, isReordered: false)
    folder.add(QuantizedFolder.weight, [1], [0])
    #expect(
      sentence(folder) == "tensor '\(QuantizedFolder.weight)' is listed twice (duplicate name)")
  }

  @Test func bitsOfTheConfigurationAreThoseOfTheArrays() {
    var folder = QuantizedFolder(#"{"quant_method": "gptq", "bits": 8, "group_size": 32}"#)
    folder.arrays = QuantizedFolder.gptq(bits: 4, isReordered: false).arrays
    #expect(sentence(folder).contains("it has 4 bits, and the configuration says 8"))
    folder.configuration =
      #"{"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 16}}"#
    #expect(
      sentence(folder).hasSuffix("3 groups of scales do not fit 96 inputs in groups of 16"))
    folder.configuration =
      #"{"quantization_config": {"quant_method": "gptq", "bits": 8, "group_size": 96, "#
      + #""dynamic": {"+:.*q_proj": {"bits": 4, "group_size": 32}}}}"#
    #expect(sentence(folder) == "opened 4")
  }

  /// Files of older quantizers, which `config.json` does not mention.
  @Test(arguments: [
    ("quantize_config.json", #"{"bits": 4, "group_size": 32, "desc_act": false}"#, true),
    ("quant_config.json", #"{"w_bit": 4, "q_group_size": 32, "version": "GEMM"}"#, false),
  ])
  func settingsMayHaveAFileOfTheirOwn(name: String, text: String, isGPTQ: Bool) throws {
    let original =
      isGPTQ ? QuantizedFolder.gptq(bits: 4, isReordered: false) : QuantizedFolder.awq()
    var folder = QuantizedFolder(nil)
    folder.arrays = original.arrays
    folder.write(name, text)
    let weights = try [folder, original].map {
      try #require(Checkpoint.open($0.write()).parameters[QuantizedFolder.weight]).tensor().array
    }
    #expect(weights[0] == weights[1])
    folder.write(name, "{")
    #expect(sentence(folder).contains("\(name) beside the file is ignored: invalid JSON"))
  }

  /// Damage anywhere in the header, the settings or the small arrays.
  @Test(arguments: QuantizedFolder.kinds)
  func noDamageTraps(kind: QuantizedFolder.Kind) throws {
    let folder = kind.folder()
    let whole = folder.bytes
    let settings = Array((folder.configuration ?? "").utf8)
    let header = 8 + Int(whole[0]) + Int(whole[1]) << 8
    var random = SplitMix64(seed: 20_261_121)
    var opened = 0
    let rounds = max(100, MutationTests.count / 10)
    for round in 0..<rounds {
      var damaged = folder
      var bytes = whole
      let range = round % 3 == 0 ? header..<whole.count : 8..<header
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        Self.damage(&bytes, in: range, &random)
      }
      if round % 3 == 1 {
        bytes = whole
        var text = settings
        Self.damage(&text, in: 0..<text.count, &random)
        damaged.configuration = String(decoding: text, as: UTF8.self)
      }
      damaged.write("config.json", damaged.configuration ?? "")
      let path = damaged.folder.file("model.safetensors")
      TemporaryFolder.write(bytes, to: path)
      do {
        let checkpoint = try Checkpoint.open(path)
        for parameter in checkpoint.parameters {
          _ = try parameter.loaded()
        }
        opened += 1
      } catch is CheckpointError {
        continue
      }
    }
    #expect(opened > 0 && opened < rounds, "\(opened) of \(rounds) opened")
  }

  private static func damage(
    _ bytes: inout [UInt8], in range: Range<Int>, _ random: inout SplitMix64
  ) {
    guard let offset = range.randomElement(using: &random) else { return }
    switch Int.random(in: 0..<4, using: &random) {
    case 0: bytes[offset] = UInt8.random(in: 0...255, using: &random)
    case 1: bytes[offset] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 2: bytes[offset] = Array("0123456789-,[]{}\"".utf8).randomElement(using: &random) ?? 0
    default: bytes.swapAt(offset, range.randomElement(using: &random) ?? offset)
    }
  }
}
