import CheckpointIO
import Tensors
import TestSupport
import Testing

/// What every encoding keeps to, of every grid and however little is left: its arrays are
/// as long as was foretold and give the values back, and so does a file.
@Suite struct EncodingLawTests {
  @Test(arguments: GridSample.all)
  func everyEncodingGivesTheValuesBack(sample: GridSample) throws {
    for left in GridSample.kept(sample.shape.count) {
      let parameter = sample.parameter(keeping: left)
      let source = EncodingSource(parameter, try parameter.loaded())
      for encoding in EncodingCatalog.all {
        guard let parts = encoding.parts(source.facts) else { continue }
        let arrays = encoding.encode(source)
        #expect(arrays.map(\.count) == parts.map(\.byteCount), "\(encoding.name), \(left) kept")
        let stored = PackedTensor(
          name: "a", record: PackingRecord(encoding: encoding, source, dtype: .f32),
          parts: Dictionary(
            uniqueKeysWithValues: zip(parts, arrays).map { part, bytes in
              (part.suffix, PackedTensor.Part(dtype: part.dtype, bytes: bytes))
            }))
        try encoding.check(stored)
        let isSame = haveSameBits(try encoding.decode(stored), try parameter.tensor())
        #expect(isSame, "\(encoding.name), \(left) kept")
        if let grid = try encoding.grid(of: stored) { #expect(grid == parameter.grid) }
      }
    }
  }

  @Test(arguments: GridSample.all)
  func aFileGivesTheValuesBack(sample: GridSample) throws {
    for left in GridSample.kept(sample.shape.count) {
      let parameter = sample.parameter(keeping: left)
      let back = try saved([parameter], form: .packed).checkpoint.parameters[0]
      #expect(haveSameBits(try back.tensor(), try parameter.tensor()), "\(left) kept")
      let again = try saved([back], form: .packed).checkpoint.parameters[0]
      #expect(haveSameBits(try again.tensor(), try parameter.tensor()), "\(left) kept")
    }
  }

  /// Such files were written once: a bitmap without scales that speaks of a grid.
  @Test func aBitmapIsReadWhateverGridIsDescribed() throws {
    let record = try #require(
      PackingRecord.all(
        in: """
          {"version":1,"tensors":{"a":{"encoding":"bitmap","dtype":"F32","shape":[2,4],\
          "transposed":false,"bits":4,"lowest":-8,"highest":7,"group":4,"binary":false}}}
          """)["a"])
    let stored = PackedTensor(
      name: "a", record: record,
      parts: [
        "bitmap": PackedTensor.Part(dtype: .u8, bytes: Bytes([0])),
        "values": PackedTensor.Part(dtype: .f32, bytes: Bytes([UInt8]())),
      ])
    #expect(try BitmapEncoding.grid(of: stored) == nil)
    #expect(try BitmapEncoding.decode(stored).array == [Float](repeating: 0, count: 8))
  }
}

/// A matrix on a grid of which nothing, one weight, or more is left.
struct GridSample: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let shape: Shape
  let grid: QuantizationGrid

  static func kept(_ count: Int) -> [Int] { Set([0, 1, count / 3, count]).sorted() }

  static let all: [GridSample] = shapes.flatMap { shape in
    let columns = max(shape.columns, 1)
    let bits = (1...8).map { bits in
      made("\(bits) bits a channel", shape, bits, columns)
    }
    let others = [
      made("4 bits a group", shape, 4, 3), made("4 bits a tensor", shape, 4, shape.count),
      made("groups of 1", shape, 3, 1), made("affine", shape, 4, columns, zero: 3),
      made("affine a group", shape, 8, 2, zero: 200), made("ternary", shape, 2, columns),
      made("binary", shape, 1, columns, isBinary: true),
      made("binary a group", shape, 1, 4, isBinary: true),
      GridSample(
        testDescription: "bit depths, \(shape)", shape: shape,
        grid: QuantizationGrid(
          depths: (0..<shape.rows).map { $0 % 3 == 0 ? 0 : 1.5 + Float($0) },
          exponents: [Float](repeating: -3, count: shape.rows), columns: columns)),
    ]
    return bits + others
  }

  private static let shapes: [Shape] = [[4, 12], [1, 1], [3, 70], [0, 8], [5, 0]]

  private static func made(
    _ title: String, _ shape: Shape, _ bits: Int, _ group: Int, zero: Int32 = 0,
    isBinary: Bool = false
  ) -> GridSample {
    let size = max(1, group)
    let perRow = (shape.columns + size - 1) / size
    let groups = size >= shape.count && shape.count > 0 ? 1 : shape.rows * perRow
    let half = 1 << (bits - 1)
    var codes = -half...half - 1
    if zero != 0 || isBinary {
      codes = 0...(1 << bits) - 1
    } else if bits == 2 {
      codes = -1...1
    }
    return GridSample(
      testDescription: "\(title), \(shape)", shape: shape,
      grid: QuantizationGrid(
        bits: bits, codes: codes, groupSize: size,
        scales: (0..<groups).map { 0.25 + Float($0) },
        zeros: [Int32](repeating: zero, count: zero == 0 ? 0 : groups), isBinary: isBinary))
  }

  /// The first so many weights have codes, the others are pruned.
  func parameter(keeping left: Int) -> Parameter {
    let values = (0..<shape.count).map { index -> Float in
      guard index < left else { return 0 }
      let row = index / max(shape.columns, 1)
      if grid.hasDepths {
        let codes = grid.codeRange(ofRow: row)
        return grid.scales[row] * Float(codes.lowerBound + index % codes.count)
      }
      let perRow = (shape.columns + grid.groupSize - 1) / grid.groupSize
      let group =
        grid.scales.count == 1
        ? 0 : row * perRow + index % shape.columns / grid.groupSize
      if grid.isBinary { return index % 2 == 0 ? -grid.scales[group] : grid.scales[group] }
      let code = grid.codes.lowerBound + index * 5 % grid.codes.count
      let zero = grid.zeros.isEmpty ? 0 : Int(grid.zeros[group])
      return grid.scales[group] * Float(code - zero)
    }
    let tensor = Tensor(shape, values)
    return Parameter(
      name: "a", shape: shape, dtype: .f32, place: Samples.place, grid: grid, load: { tensor })
  }
}
