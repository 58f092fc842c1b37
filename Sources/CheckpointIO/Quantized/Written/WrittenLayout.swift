internal import Tensors

/// A layout of quantizers in which layers on a grid are written.
public enum ExportLayout: String, Sendable, Hashable, CaseIterable {
  case gptq, awq
  case compressedTensors = "compressed-tensors"

  var layout: any WrittenLayout.Type {
    switch self {
    case .gptq: GPTQLayout.self
    case .awq: AWQLayout.self
    case .compressedTensors: CompressedTensorsLayout.self
    }
  }
}

/// A layout that is written as well as read. What it writes is read again by `weights`.
protocol WrittenLayout: QuantizedLayout {
  /// Bits of a code that its readers know.
  static var writtenBits: [Int] { get }
  /// Why it cannot hold a layer of these bits, the end of a sentence about the layer; nil where it
  /// can.
  static func obstacle(_ layer: GridLayer) -> String?
  /// The arrays of a layer.
  static func arrays(_ layer: GridLayer, _ settings: ExportSettings) -> [WrittenArray]
  /// Their numbers, in the same order. `codes` are a layer's, row by row.
  static func encode(
    _ layer: GridLayer, _ codes: [UInt8], _ settings: ExportSettings
  ) -> [[UInt8]]
  /// What `quantization_config` says.
  static func configuration(_ settings: ExportSettings) -> JSON
}

/// One of the arrays that a layer is written as.
struct WrittenArray: Sendable {
  /// What follows `MODULE.`.
  let suffix: String
  let dtype: DType
  let dimensions: [Int]

  var byteCount: Int { dimensions.reduce(dtype.byteCount, *) }
}

/// What all layers of a model have in common: layouts have one setting for all.
struct ExportSettings: Sendable {
  let bits: Int
  /// nil where channels have one scale.
  let groupSize: Int?
  /// Whether all zero points are in the middle of the codes.
  let isSymmetric: Bool
  /// Linear modules that are left as they are.
  let ignored: [String]

  /// Throws `CheckpointError.invalidConversion` for layers that differ, and what `layout` cannot
  /// hold. Precondition: there are layers.
  init(
    _ layers: [GridLayer], ignored: [String], _ layout: ExportLayout
  ) throws(CheckpointError) {
    let first = layers[0]
    for layer in layers {
      guard layout.layout.writtenBits.contains(layer.bits) else {
        let known = layout.layout.writtenBits.map(String.init).joined(separator: ", ")
        throw .invalidConversion(
          reason: "\(layer.name.quoted) has codes of \(layer.bits) bits, and \(layout.rawValue) "
            + "those of \(known)")
      }
      guard layer.bits == first.bits else {
        throw .invalidConversion(
          reason: "\(first.name.quoted) has \(first.bits) bits and \(layer.name.quoted) "
            + "\(layer.bits), and \(layout.rawValue) has one setting for all layers")
      }
      if let obstacle = layout.layout.obstacle(layer) {
        throw .invalidConversion(reason: "\(layer.name.quoted) \(obstacle)")
      }
    }
    bits = first.bits
    if layers.allSatisfy(\.hasOneScaleAChannel) {
      groupSize = nil
    } else {
      let grouped = layers.first { !$0.hasOneScaleAChannel } ?? first
      if let other = layers.first(where: { $0.groupSize != grouped.groupSize }) {
        throw .invalidConversion(
          reason: "\(grouped.name.quoted) has groups of \(grouped.groupSize) and "
            + "\(other.name.quoted) of \(other.groupSize), and \(layout.rawValue) has one setting "
            + "for all layers")
      }
      groupSize = grouped.groupSize
    }
    let middle = 1 << (first.bits - 1)
    isSymmetric = layers.allSatisfy { $0.zeros.allSatisfy { $0 == middle } }
    self.ignored = ignored
  }
}

extension WrittenLayout {
  /// Numbers by output and then by group, in the order of an array of `[groups, out]`.
  static func transposed<T>(_ numbers: [T], _ layer: GridLayer) -> [T] {
    (0..<numbers.count).map { numbers[$0 % layer.outputs * layer.groups + $0 / layer.outputs] }
  }

  static func halves(_ numbers: [Float]) -> [UInt8] {
    StoredNumbers.bytes(of: Tensor([numbers.count], numbers), .f16)
  }

  static func integers(_ numbers: [Int]) -> [UInt8] {
    CodeWords(numbers.map { UInt32(truncatingIfNeeded: $0) }).bytes
  }
}
