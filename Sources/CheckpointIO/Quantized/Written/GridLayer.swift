internal import Tensors

/// A linear layer on a grid as quantizers' layouts count its codes, from 0 up:
///
///     weight[o, i] = scale[o, g] × (code[o, i] − zero[o, g]),   g = i / groupSize
///
/// Scales are those of F16, so that what a file has is what is multiplied.
struct GridLayer: Sendable {
  /// `MODULE.weight`.
  let name: String
  let outputs: Int
  let inputs: Int
  let bits: Int
  /// Consecutive inputs that share a scale; all of them where a channel has one.
  let groupSize: Int
  /// By output and then by group, as zero points are.
  let scales: [Float]
  let zeros: [Int]
  /// Whether scales had to be rounded.
  let isRounded: Bool
  /// What is added to a code that is counted from the grid's lowest one up.
  private let offset: Int

  var groups: Int { inputs / groupSize }
  var hasOneScaleAChannel: Bool { groupSize == inputs }
  /// What `MODULE.` stands for, without the dot.
  var module: String { String(name.dropLast(Self.suffix.utf8.count)) }

  static let suffix = ".weight"

  /// Throws `CheckpointError.invalidConversion` for weights that no layout has.
  init(_ parameter: Parameter, _ weights: Weights) throws(CheckpointError) {
    let name = parameter.name.quoted
    func refusal(_ reason: String) -> CheckpointError { .invalidConversion(reason: reason) }
    guard let grid = weights.grid, parameter.shape.dimensions.count == 2, parameter.shape.count > 0
    else { throw refusal("\(name) lies on no grid") }
    guard parameter.name.hasSuffix(Self.suffix) else {
      throw refusal("\(name) is not called MODULE\(Self.suffix)")
    }
    guard !parameter.isTransposed else {
      throw refusal("\(name) has its inputs first, as GPT-2's layers have, and not its outputs")
    }
    if grid.hasDepths { throw refusal("the channels of \(name) have bit depths of their own") }
    if grid.isBinary { throw refusal("\(name) lies on a binary grid, which has no 0") }
    guard
      GridCodes.reach(
        of: grid, over: weights.values, kept: Bitmap.kept(of: weights.values, mask: weights.mask))
        == .all
    else { throw refusal("some weights of \(name) are not on its grid") }
    let (outputs, inputs) = (parameter.shape.rows, parameter.shape.columns)
    let size = min(grid.groupSize, inputs)
    guard inputs.isMultiple(of: size) else {
      throw refusal("groups of \(size) do not divide the \(inputs) inputs of \(name)")
    }
    let groups = outputs * (inputs / size)
    // One scale of a tensor is every channel's.
    let all = { (numbers: [Float]) in
      numbers.count == groups ? numbers : [Float](repeating: numbers.first ?? 0, count: groups)
    }
    let middle = 1 << (grid.bits - 1)
    let shift = grid.codes.lowerBound < 0 ? middle : 0
    let zeros =
      grid.zeros.isEmpty
      ? [Int](repeating: shift, count: groups)
      : all(grid.zeros.map { Float($0) }).map { Int($0) + shift }
    offset = grid.codes.lowerBound + shift
    guard offset >= 0, grid.codes.upperBound + shift < 1 << grid.bits,
      zeros.allSatisfy({ (0..<1 << grid.bits).contains($0) })
    else { throw refusal("\(name) has zero points beyond its codes of \(grid.bits) bits") }
    let scales = all(grid.scales)
    let rounded = unsafe StoredNumbers.bytes(of: Tensor([groups], scales), .f16).withUnsafeBytes {
      unsafe Tensor([groups], converting: $0, from: .f16).array
    }
    if let place = rounded.firstIndex(where: { !$0.isFinite }) {
      throw refusal("\(name) has a scale of \(scales[place]), which F16 does not hold")
    }
    self.name = parameter.name
    (self.outputs, self.inputs, bits, groupSize) = (outputs, inputs, grid.bits, size)
    (self.scales, self.zeros) = (rounded, zeros)
    isRounded = rounded != scales
  }

  /// The codes of weights that lie on `grid`, row by row.
  func codes(_ weights: Tensor, on grid: QuantizationGrid) -> [UInt8] {
    let codes = GridCodes.codes(grid, weights)
    return offset == 0 ? codes : codes.map { $0 + UInt8(offset) }
  }

  /// What the file's numbers stand for.
  func weights(of codes: [UInt8]) -> Tensor {
    let grid = QuantizationGrid(
      bits: bits, codes: 0...(1 << bits) - 1, groupSize: groupSize, scales: scales,
      zeros: zeros.map { Int32($0) })
    return GridCodes.tensor(codes, grid, [outputs, inputs])
  }
}
