import CheckpointIO
import Foundation
import Tensors
import TestSupport
import Testing

/// Rows that are read where they lie are those of the whole tensor, bit for bit, whatever the
/// form they are stored in.
@Suite struct RowReaderTests {
  @Test(arguments: GridSample.all)
  func everyEncodingReadsItsRows(sample: GridSample) throws {
    guard sample.shape.count > 0 else { return }
    for left in GridSample.kept(sample.shape.count) {
      let parameter = sample.parameter(keeping: left)
      let source = EncodingSource(parameter, try parameter.loaded())
      for encoding in EncodingCatalog.all where encoding.name != "dense" {
        guard let parts = encoding.parts(source.facts) else { continue }
        let stored = PackedTensor(
          name: "a", record: PackingRecord(encoding: encoding, source, dtype: .f32),
          parts: Dictionary(
            uniqueKeysWithValues: zip(parts, encoding.encode(source)).map { part, bytes in
              (part.suffix, PackedTensor.Part(dtype: part.dtype, bytes: bytes))
            }))
        let reader = try #require(try encoding.rows(of: stored))
        let isSame = try rowsAreThose(of: encoding.decode(stored), reader)
        #expect(isSame, "\(encoding.name), \(left) kept")
        let misses = try productsThatMiss(of: encoding.decode(stored), reader)
        #expect(misses.isEmpty, "\(encoding.name), \(left) kept: rows \(misses.prefix(5))")
      }
    }
  }

  /// Of files, also those whose values have other types.
  @Test(arguments: Samples.cases)
  func packedFilesReadTheirRows(sample: Samples.Case) throws {
    guard sample.shape.dimensions.count > 1 else { return }
    let file = try saved([sample.parameter(seed: 7)], form: .packed)
    try expectRows(of: file.checkpoint.parameters[0])
  }

  @Test(arguments: QuantizedFolder.kinds)
  func layoutsOfWholeCodesReadTheirRows(kind: QuantizedFolder.Kind) throws {
    let folder = kind.folder()
    let checkpoint = try Checkpoint.open(folder.write())
    try expectRows(of: try #require(checkpoint.parameters[QuantizedFolder.weight]))
  }

  @Test(arguments: QuantizedFolder.samples)
  func layoutsOfFloatingPointReadTheirRows(kind: QuantizedFolder.SampleKind) throws {
    let folder = kind.sample().folder
    let checkpoint = try Checkpoint.open(folder.write())
    try expectRows(of: try #require(checkpoint.parameters[QuantizedFolder.weight]))
  }

  /// Every second row of a stack is the gate's: none is copied.
  @Test func expertsOfAStackAreReadWhereTheyLie() throws {
    var folder = QuantizedFolder(#"{"quant_method": "mxfp4"}"#)
    var draw = QuantizedFolder.Draw(seed: 690)
    let stem = "model.layers.0.mlp.experts.gate_up_proj_"
    folder.add(stem + "blocks", "U8", [2, 6, 2, 16], draw.bytes(2 * 6 * 2 * 16))
    folder.add(stem + "scales", "U8", [2, 6, 2], draw.bytes(2 * 6 * 2).map { 120 + $0 % 9 })
    let checkpoint = try Checkpoint.open(folder.write())
    #expect(checkpoint.parameters.count == 4)
    for parameter in checkpoint.parameters {
      try expectRows(of: parameter)
      #expect(try parameter.storedRows?.open()?.keptByteCount == 0)
    }
  }

  @Test(arguments: DType.allCases.filter(\.isFloatingPoint))
  func plainNumbersOfEveryTypeAndOrderAreReadByRows(dtype: DType) throws {
    let parameter = Samples.tensor(dtype, [37, 19], seed: 3)
    let file = try saved([parameter], form: .dense(nil))
    try expectRows(of: file.checkpoint.parameters[0])
    // As GPT-2 keeps it, [in, out].
    let layer = Samples.tensor(dtype, [19, 37], seed: 4, name: "h.0.mlp.c_fc.weight")
    let written = try saved([layer], form: .dense(nil))
    let gpt2 = try Checkpoint.open(
      written.folder.file("a.safetensors"), settings: ["model_type": "gpt2"])
    #expect(gpt2.parameters[0].isTransposed && gpt2.parameters[0].shape == [37, 19])
    try expectRows(of: gpt2.parameters[0])
  }

  @Test func arraysOfNumPyAreReadByRows() throws {
    for type in ["<f4", ">f4", "<f2", ">f2", ">f8"] {
      for isFortran in [false, true] {
        let size = Int(type.suffix(1)) ?? 4
        let data = (0..<6 * 5 * size).map { UInt8(truncatingIfNeeded: 17 + $0 * 5 % 40) }
        let checkpoint = try Checkpoint.open(
          bytes: NumPyBytes.array(type, "(6, 5)", fortran: isFortran, data), name: "test")
        try expectRows(of: checkpoint.parameters[0])
      }
    }
    let deflated = try Checkpoint.open(bytes: NumPyBytes.deflated, name: "test")
    let squares = try #require(deflated.parameters["h.0.b.weight"])
    try expectRows(of: squares)
    // Kept is what was inflated, of its own type.
    #expect(
      try squares.storedRows?.open()?.keptByteCount == 400 * squares.dtype.byteCount)
  }

  /// Every matrix of the files that come with the project, those of families with fused and
  /// stacked tensors among them, and nothing of a plain file is kept.
  @Test func everyMatrixOfAFileIsReadByRows() throws {
    let families = try FileManager.default.contentsOfDirectory(atPath: Fixtures.path("families"))
    let files = ["tiny.pt", "tiny-bf16.pt", "tiny-f16.safetensors"]
    for path in families.map({ "families/" + $0 }) + files {
      let checkpoint = try Checkpoint.open(Fixtures.path(path))
      for parameter in checkpoint.parameters where parameter.shape.dimensions.count == 2 {
        try expectRows(of: parameter)
        #expect(try parameter.storedRows?.open()?.keptByteCount == 0)
      }
    }
    let packed = try Checkpoint.open(Fixtures.path("shakespeare-char-compressed.safetensors"))
    for parameter in packed.parameters where parameter.shape.dimensions.count == 2 {
      try expectRows(of: parameter)
    }
  }

  /// What a pass makes of a parameter is not what the file has.
  @Test func revisionsHaveNoStoredRows() throws {
    let file = try saved([Samples.tensor(.bf16, [8, 16], seed: 5)], form: .dense(nil))
    let parameter = file.checkpoint.parameters[0]
    let tensor = try parameter.tensor()
    #expect(parameter.storedRows != nil && parameter.knowing(nil).storedRows != nil)
    #expect(parameter.replacing(tensor, grid: nil, mask: nil).storedRows == nil)
    #expect(parameter.deferring { _, _ in Weights(values: tensor) }.storedRows == nil)
  }

  @Test func codesThatAreNoLevelAreRefused() throws {
    // A depth of 2.4 has six levels, so that two of the eight codes of three bits are none.
    let shape: Shape = [1, 64]
    let grid = QuantizationGrid(depths: [2.4], exponents: [0], columns: 64)
    let values = (0..<64).map { Float($0 % 5 - 2) }
    let parameter = Parameter(
      name: "a", shape: shape, dtype: .f32, place: Samples.place, grid: grid,
      load: { Tensor(shape, values) })
    let source = EncodingSource(parameter, try parameter.loaded())
    var bytes = try #require(ChannelsEncoding.encode(source).first).copied
    // The codes are the end of the array.
    for index in bytes.count - 20..<bytes.count { bytes[index] = 0xFF }
    let stored = PackedTensor(
      name: "a", record: PackingRecord(encoding: ChannelsEncoding.self, source, dtype: .f32),
      parts: ["channels": PackedTensor.Part(dtype: .u8, bytes: Bytes(bytes))])
    #expect(throws: CheckpointError.self) { try ChannelsEncoding.decode(stored) }
    #expect(throws: CheckpointError.self) { try ChannelsEncoding.rows(of: stored) }
  }
}

extension Bytes {
  fileprivate var copied: [UInt8] { (0..<count).map { self[$0] } }
}

/// That the parameter's rows can be read by themselves and are those of its tensor.
func expectRows(of parameter: Parameter) throws {
  let reader = try #require(try parameter.storedRows?.open(), "\(parameter.name)")
  let isSame = try rowsAreThose(of: parameter.tensor(), reader)
  #expect(isSame, "\(parameter.name)")
  let misses = try productsThatMiss(of: parameter.tensor(), reader)
  #expect(misses.isEmpty, "\(parameter.name): products of rows \(misses.prefix(5))")
}

/// Rows whose product with an input is further from that of their weights than half a step of the
/// input's sixteen bits allows.
private func productsThatMiss(of tensor: Tensor, _ reader: any RowReader) throws -> [Int] {
  let (rows, columns) = (tensor.shape.rows, tensor.shape.columns)
  guard reader.multiplies, rows > 0, columns > 0 else { return [] }
  var random = SplitMix64(seed: 77)
  var values = (0..<columns).map { _ in Float.random(in: -1...1, using: &random) }
  values[columns / 3] = 8
  let input = RowInput()
  let weights = tensor.array
  // From a row that is not the first, so that places are counted.
  let first = min(3, rows - 1)
  var products = [Float](repeating: .nan, count: rows - first)
  unsafe values.withUnsafeBufferPointer { values in
    guard let start = values.baseAddress else { return }
    unsafe input.prepare(columns, start)
    unsafe products.withUnsafeMutableBufferPointer { products in
      guard let products = products.baseAddress else { return }
      unsafe reader.multiply(first..<rows, by: input, into: products)
    }
  }
  return (first..<rows).filter { row in
    var (sum, magnitude, steps) = (0.0, 0.0, 0.0)
    for column in 0..<columns {
      let weight = Double(weights[row * columns + column])
      sum += weight * Double(values[column])
      magnitude += abs(weight * Double(values[column]))
      steps += abs(weight)
    }
    let bound = steps * 8 / 32639 * 0.51 + magnitude * 4e-6
    return !(abs(Double(products[row - first]) - sum) <= bound)
  }
}

/// Whether all rows, and each run of some of them, are those of a tensor, bit for bit.
func rowsAreThose(of tensor: Tensor, _ reader: any RowReader) throws -> Bool {
  let (rows, columns) = (tensor.shape.rows, tensor.shape.columns)
  let meant = tensor.array.map(\.bitPattern)
  let starts = Set([0, 1, 7, rows / 2, rows - 1]).filter { $0 >= 0 && $0 < rows }
  for first in starts {
    for count in Set([1, 2, 8, rows - first]) where first + count <= rows {
      let found = unsafe [Float](unsafeUninitializedCapacity: count * columns) { values, filled in
        if let start = values.baseAddress {
          unsafe reader.read(first..<first + count, into: start)
        }
        filled = count * columns
      }
      let wanted = meant[first * columns..<(first + count) * columns]
      guard found.map(\.bitPattern) == Array(wanted) else { return false }
      if let start = unsafe reader.address(of: first..<first + count) {
        let lying = unsafe UnsafeBufferPointer(start: start, count: count * columns)
        guard unsafe lying.map(\.bitPattern) == Array(wanted) else { return false }
      }
    }
  }
  return true
}
