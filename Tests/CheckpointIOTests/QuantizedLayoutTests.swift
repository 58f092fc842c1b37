import CheckpointIO
import Tensors
import TestSupport
import Testing

/// Quantizers' layouts against what their own packages make of the same bytes.
@Suite struct QuantizedLayoutTests {
  struct Reference: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let shape: Shape
    /// SHA-256 of the weights as little-endian f32, `[out, in]`.
    let digest: String
    let folder: @Sendable () -> QuantizedFolder
  }

  private static func gptq(_ bits: Int, _ isReordered: Bool, _ digest: String) -> Reference {
    Reference(
      testDescription: "gptq \(bits) bits\(isReordered ? ", reordered" : "")", shape: [64, 96],
      digest: digest, folder: { QuantizedFolder.gptq(bits: bits, isReordered: isReordered) })
  }

  private static func fourBit(_ kind: String, _ isNested: Bool, _ digest: String) -> Reference {
    Reference(
      testDescription: "\(kind)\(isNested ? ", nested" : "")",
      shape: isNested ? [40, 64] : [5, 33],
      digest: digest, folder: { QuantizedFolder.fourBit(kind, isNested: isNested) })
  }

  private static func packed(_ bits: Int, _ digest: String) -> Reference {
    Reference(
      testDescription: "packed \(bits) bits", shape: [48, 160], digest: digest,
      folder: { QuantizedFolder.packed(bits: bits) })
  }

  /// By AutoGPTQ 0.7.1 (`qlinear_cuda`, on the identity), bitsandbytes 0.50.2
  /// (`dequantize_4bit`) and compressed-tensors 0.20.0 (`decompress`) on PyTorch's
  /// CPU; AWQ by NumPy from the order that AutoAWQ packs in.
  static let references =
    [
      gptq(2, false, "8ed7e78a108558165f9558dab8eff6ad87d327318baf5a51549ea26a4bfffc0c"),
      gptq(2, true, "cf54c5857a90efea8837daf0f4d9a27777932cb53a9999b8841d6cfa33968be0"),
      gptq(3, false, "d1793cdd17f9e0990cbd9d34faa140217aef07a5033311b5ca970bfbcf79738f"),
      gptq(3, true, "8cb551eb38d1bdc09dd03802735d9151f2906904289742811a0b38948fe0039f"),
      gptq(4, false, "d7bcdf094829d1e0d545af8f992daa2dc41ba61ae0a1559ae739f7f9d9a13560"),
      gptq(4, true, "9c11f87dbfa325e4cd6ce618cd7fdf200c4805a7cd8aad3ce865a80693659629"),
      gptq(8, false, "016b12d761c29229042b6e81c5a0020249b5b8e837f366dad9065f0d144862b8"),
      gptq(8, true, "6b1264a20bc695544b3939a7f18b02da4c93f8b908f69082ef63d5a9fec72147"),
      Reference(
        testDescription: "awq", shape: [24, 64],
        digest: "643a2ff699d075955576d46cdafdc6363e77504fbb5e2a9690217ffab9e5b12e",
        folder: { QuantizedFolder.awq() }),
      fourBit("nf4", false, "cd0bbd7a8363a9ef2be86c83720f708bfa673916bf1b6401f48c19271d3dd834"),
      fourBit("fp4", false, "ddf2acda3a7a15a158cb507636957eaa1c9b0a459e7e6ac7e2ad71149cbb9ca9"),
      fourBit("nf4", true, "03653a55eebb41b933143f6fccfd20a98aec6ac0a69b74025e39dab885065704"),
      fourBit("fp4", true, "84acba46b92324af2ecb1daafce70e4edbc9dcbe4d3603cc588e3ec2628e3df4"),
    ] + compressed

  static let compressed = [
    packed(1, "ac92e10f5ef780bce53e3cb90a335079a96252cb515b71fa75909e9046e523af"),
    packed(2, "da4ce830d683e08736f8cfac1f4b797b471976c1f352b6a4aa2e35fbab05a49c"),
    packed(3, "6342019f35357e89b7048172ec7eb63c9646112f5a11a03b596345b923482129"),
    packed(4, "78c41491451ac39c4e8a53067e27b20ee3a53679d3bfcfa4a7afd99b35f00bd9"),
    packed(5, "1323f1f03de8a4647e69b9c6f4347ff1222c6a83180ba97a6d00307e0fbe452e"),
    packed(8, "211eda6ba17943b37c310d519cce1face357b0faab1df815b329eef8b9f2d73a"),
    Reference(
      testDescription: "packed by channel", shape: [6, 50],
      digest: "83b03a85d0b3234ea13bc600ee403c2c77de89e8bde2c7143d6f4545299b1bf7",
      folder: { QuantizedFolder.packedByChannel() }),
    Reference(
      testDescription: "int8 with zero points", shape: [6, 50],
      digest: "3b06a8e5f9ba215b83de6c232924a3b3d9e73a1a99cd3d6f15695f651d67a0e5",
      folder: { QuantizedFolder.compressedInt8() }),
    Reference(
      testDescription: "float8 by tensor", shape: [6, 50],
      digest: "b427949a64f779d8b9019dd333c06c2a54ba22ed5f2bbe42e08f6fc28866c3bf",
      folder: { QuantizedFolder.float8([6, 50], scales: [1, 1], seed: 502) }),
    Reference(
      testDescription: "float8 by channel", shape: [6, 50],
      digest: "091aaa8778b3695bec380d875f74b0ab7fc98a102ecb48467c9fbdabee12e97d",
      folder: { QuantizedFolder.float8([6, 50], scales: [6, 1], seed: 503) }),
    Reference(
      testDescription: "float8 in blocks", shape: [8, 64],
      digest: "08190c35146a6cb1dbf3565c937d8a53eebab7ed013bf92b3099134583e73f7d",
      folder: { QuantizedFolder.float8([8, 64], scales: [2, 4], seed: 504) }),
  ]

  @Test(arguments: references)
  func weightsAreThoseOfThePackage(reference: Reference) throws {
    let folder = reference.folder()
    let checkpoint = try Checkpoint.open(folder.write())
    #expect(checkpoint.warnings.isEmpty, "\(checkpoint.warnings)")
    let weight = try #require(checkpoint.parameters[QuantizedFolder.weight])
    #expect(weight.shape == reference.shape)
    #expect(weight.place == Place(block: 0, layer: "self_attn.q_proj", role: .linear))
    let values = try weight.tensor().array
    #expect(Self.digest(values) == reference.digest)
    for threads in [1, 3] {
      #expect(try weight.tensor(threads: threads).array == values)
    }
  }

  private static func digest(_ values: [Float]) -> String {
    SHA256.digest(values.flatMap { ZipBytes.little($0.bitPattern, 4) })
  }

  /// weight = SCB / 127 × code, to the rounding of one product.
  @Test func rowsOfInt8AreScaledByTheirLargest() throws {
    let folder = QuantizedFolder.int8()
    let checkpoint = try Checkpoint.open(folder.write())
    let values = try #require(checkpoint.parameters[QuantizedFolder.weight]).tensor().array
    var draw = QuantizedFolder.Draw(seed: 310)
    let codes = draw.bytes(300).map { Double(Int8(bitPattern: $0)) }
    let scales = draw.scales(6).map { Double($0) }
    for (index, value) in values.enumerated() {
      let exact = scales[index / 50] / 127 * codes[index]
      #expect(abs(Double(value) - exact) <= abs(exact) * 0x1p-22, "\(index)")
    }
  }

  @Test func theSecondVersionOfGPTQStoresZeroPointsAsTheyAre() throws {
    let first = QuantizedFolder.gptq(bits: 4, isReordered: false)
    let second = QuantizedFolder.gptq(bits: 4, isReordered: false, format: "gptq_v2")
    var draw = QuantizedFolder.Draw(seed: 104)
    _ = draw.words(12 * 64 + 24)
    let scales = draw.scales(3 * 64)
    let values = try [first, second].map {
      try #require(Checkpoint.open($0.write()).parameters[QuantizedFolder.weight]).tensor().array
    }
    for index in 0..<64 * 96 {
      let scale = scales[index % 96 / 32 * 64 + index / 96]
      #expect(abs(values[1][index] - values[0][index] - scale) <= scale * 0x1p-18)
    }
  }

  /// The other arrays are listed as what they are and are no weights.
  @Test(arguments: QuantizedFolder.kinds)
  func allArraysAreListed(kind: QuantizedFolder.Kind) throws {
    let folder = kind.folder()
    let checkpoint = try Checkpoint.open(folder.write())
    #expect(checkpoint.tensors.count == folder.arrays.count)
    #expect(
      checkpoint.tensors.reduce(0) { $0 + $1.byteCount }
        == folder.arrays.reduce(0) {
          $0 + $1.bytes.count
        })
    #expect(checkpoint.parameters.map(\.name) == [QuantizedFolder.weight])
    for tensor in checkpoint.tensors {
      #expect(tensor.place.block == 0)
      let isWeight = tensor.name == QuantizedFolder.weight
      #expect(tensor.place.role == (isWeight ? .linear : .buffer), "\(tensor.name)")
      #expect((tensor.encoding == "dense") != isWeight, "\(tensor.name)")
    }
  }

  /// Every grid gives back all weights, so that a packed file keeps the codes.
  @Test(arguments: QuantizedFolder.kinds)
  func packedFilesKeepTheCodes(kind: QuantizedFolder.Kind) throws {
    let folder = kind.folder()
    let checkpoint = try Checkpoint.open(folder.write())
    let weight = try #require(checkpoint.parameters[QuantizedFolder.weight])
    let hasGrid = !["nf4", "fp4 nested", "float8", "gptq 4"].contains(kind.testDescription)
    #expect(try (weight.loaded().grid != nil) == hasGrid)
    for form in [SaveForm.packed, .dense(nil)] {
      let plan = try SavePlan.make(parameters: checkpoint.parameters, of: checkpoint, form: form)
      #expect(plan.entries.map(\.name) == [QuantizedFolder.weight])
      #expect((plan.entries[0].encoding == "packed") == (form == .packed && hasGrid))
      let path = folder.folder.file("saved.safetensors")
      try plan.write(to: path)
      let saved = try Checkpoint.open(path)
      #expect(saved.warnings.isEmpty)
      let values = try #require(saved.parameters[QuantizedFolder.weight]).tensor().array
      #expect(try values == weight.tensor().array)
    }
  }

  /// A real folder: every weight is within half a step of the one it was made of.
  @Test(.enabled(if: SharedData.isPresent))
  func aCompressedFolderIsNearItsOriginal() throws {
    let compressed = try Checkpoint.open(SharedData.path("samples/tiny_llama_w8a8_compressed"))
    let original = try Checkpoint.open(SharedData.path("samples/tiny_llama"))
    #expect(compressed.warnings.isEmpty)
    #expect(Set(compressed.parameters.map(\.name)) == Set(original.parameters.map(\.name)))
    #expect(compressed.tensors.count == 51 && compressed.parameters.count == 30)
    var quantized = 0
    for parameter in original.parameters {
      let other = try #require(compressed.parameters[parameter.name])
      #expect(other.shape == parameter.shape && other.place == parameter.place)
      let (values, before) = (try other.tensor().array, try parameter.tensor().array)
      guard let grid = try other.loaded().grid else {
        #expect(values == before)
        continue
      }
      quantized += 1
      #expect(grid.bits == 8 && grid.scales.count == parameter.shape.rows)
      for (index, value) in values.enumerated() {
        let step = grid.scales[index / parameter.shape.columns]
        #expect(abs(value - before[index]) <= step * 0.50002)
      }
    }
    #expect(quantized == 21)
  }

  /// DeepSeek's name for the scales, which are multiplied by all the same.
  @Test func scalesOfFP8AreMultipliedBy() throws {
    let original = QuantizedFolder.float8([8, 64], scales: [2, 4], seed: 504)
    var folder = QuantizedFolder(#"{"quant_method": "fp8", "weight_block_size": [4, 16]}"#)
    folder.arrays = original.arrays
    folder.arrays[1].name = QuantizedFolder.module + ".weight_scale_inv"
    let values = try [folder, original].map {
      try #require(Checkpoint.open($0.write()).parameters[QuantizedFolder.weight]).tensor().array
    }
    #expect(values[0] == values[1])
  }

  /// Codes of 1 show which scale each input has; −1 leaves them in their order.
  @Test(arguments: [[1, 0, 0, 1, 1, 0, 1, 0], [0, 0, 0, 0, 1, 1, 1, 1], []])
  func inputsHaveTheGroupTheyAreGiven(order: [Int]) throws {
    var folder = QuantizedFolder.compressed(
      "pack-quantized", #""num_bits": 4, "type": "int", "group_size": 4"#)
    let module = QuantizedFolder.module
    folder.add(module + ".weight_packed", "I32", [2, 1], [UInt8](repeating: 0x99, count: 8))
    folder.add(module + ".weight_scale", [2, 2], [1, 2, 4, 8])
    folder.add(module + ".weight_shape", [2], integers: [2, 8])
    let isOrdered = order.isEmpty
    folder.add(
      module + ".weight_g_idx", [8], integers: isOrdered ? [Int](repeating: -1, count: 8) : order)
    let weight = try #require(Checkpoint.open(folder.write()).parameters[QuantizedFolder.weight])
    let groups = isOrdered ? [0, 0, 0, 0, 1, 1, 1, 1] : order
    let expected = [[1, 2], [4, 8] as [Float]].flatMap { scales in groups.map { scales[$0] } }
    #expect(try weight.tensor().array == expected)
    #expect(try (weight.loaded().grid == nil) == (order.first == 1))
  }

  /// 3 bits in words of 10 codes, as older versions wrote them, cannot be told from a
  /// stream of as many words.
  @Test func packingThatCannotBeToldIsListedAsItIs() throws {
    var folder = QuantizedFolder.compressed("pack-quantized", #""num_bits": 3, "type": "int""#)
    let module = QuantizedFolder.module
    folder.add(module + ".weight_packed", "I32", [2, 2], [UInt8](repeating: 0, count: 16))
    folder.add(module + ".weight_scale", [2, 1], [1, 2])
    folder.add(module + ".weight_shape", [2], integers: [2, 20])
    let checkpoint = try Checkpoint.open(folder.write())
    #expect(checkpoint.parameters[QuantizedFolder.weight] == nil)
    #expect(checkpoint.tensors.count == 3 && checkpoint.warnings.count == 1)
  }

  @Test func aStoppedReadingEnds() throws {
    let folder = QuantizedFolder.packed(bits: 4)
    let weight = try #require(
      Checkpoint.open(folder.write()).parameters[QuantizedFolder.weight])
    #expect(throws: CheckpointError.stopped) { try weight.tensor(shouldStop: { true }) }
  }
}
