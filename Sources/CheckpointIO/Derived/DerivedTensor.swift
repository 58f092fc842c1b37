internal import Tensors

/// A tensor that a file holds in several arrays instead of one: a sparse one,
/// a pruned one with its mask, a normalized one with its lengths.
struct DerivedTensor: Sendable {
  /// How the arrays make it. The names of the parts are those of `suffixes`.
  enum Form: Sendable, Hashable {
    /// `scale × (code − zero)` with one scale.
    case affine(scale: Double, zero: Int)
    /// The same with a scale and a zero for each index of an axis.
    case affineAlong(axis: Int)
    case sparse(SparseLayout)
    /// `torch.nn.utils.prune`: weights × mask.
    case masked
    /// `torch.nn.utils.weight_norm`: directions scaled to lengths.
    case weightNorm
    /// `torch.nn.utils.spectral_norm`: weights divided by their largest singular value, which
    /// two vectors tell.
    case spectralNorm

    /// As `inspect` shows it.
    var name: String {
      switch self {
      case .affine, .affineAlong: "torch.qint"
      case .sparse(let layout): "torch.\(layout.rawValue)"
      case .masked: "torch.prune"
      case .weightNorm: "weight_norm"
      case .spectralNorm: "spectral_norm"
      }
    }

    /// The arrays, the one first in whose place the tensor stands.
    var suffixes: [String] {
      switch self {
      case .affine: ["codes"]
      case .affineAlong: ["codes", "scales", "zeros"]
      case .sparse(.coo): ["values", "indices"]
      case .sparse: ["values", "starts", "indices"]
      case .masked: ["weights", "mask"]
      case .weightNorm: ["directions", "lengths"]
      case .spectralNorm: ["weights", "left", "right"]
      }
    }
  }

  /// PyTorch's sparse layouts: pairs of indices, or compressed rows or columns, of numbers
  /// or of blocks.
  enum SparseLayout: String, Sendable, Hashable {
    case coo = "sparse_coo"
    case csr = "sparse_csr"
    case csc = "sparse_csc"
    case bsr = "sparse_bsr"
    case bsc = "sparse_bsc"

    var isByColumns: Bool { self == .csc || self == .bsc }
    var isOfBlocks: Bool { self == .bsr || self == .bsc }
  }

  let name: String
  let form: Form
  /// nil where the parts' shapes say it.
  let shape: Shape?
  /// Names of the file's arrays, in the order of `form.suffixes`.
  let parts: [String]
}

/// A derived tensor whose arrays were found and fit together.
struct DerivedWeights: Sendable {
  let name: String
  let form: DerivedTensor.Form
  let shape: Shape
  /// In the order of `form.suffixes`.
  let arrays: [StoredArray]
  /// Bytes that the file spends on them.
  let byteCount: Int

  /// What the weights are computed in elsewhere: the codes of integers are f32.
  var dtype: DType { arrays[0].dtype.isFloatingPoint ? arrays[0].dtype : .f32 }
  /// The first array's type in the file's word.
  let dtypeName: String

  /// As a parameter; nothing of it is read before it is asked for.
  func parameter(place: Place, isTransposed: Bool) -> Parameter {
    let parameter = Parameter(
      name: name, shape: isTransposed ? shape.reversed : shape, dtype: dtype, place: place,
      isTransposed: isTransposed,
      reading: { try tensor(isTransposed, threads: $0, shouldStop: $1) })
    guard form == .masked else { return parameter }
    return parameter.deferring { threads, shouldStop in
      let values = try tensor(isTransposed, threads: threads, shouldStop: shouldStop)
      let mask = arrays[1].tensor
      return Weights(
        values: values,
        mask: Mask(
          nonzerosOf: isTransposed ? mask.transposed(threads: threads) : mask, threads: threads,
          shouldStop: shouldStop))
    }
  }

  private func tensor(
    _ isTransposed: Bool, threads: Int, shouldStop: @Sendable () -> Bool
  ) throws(CheckpointError) -> Tensor {
    let values =
      switch form {
      case .affine(let scale, let zero):
        affine(axis: 0, scales: [Float(scale)], zeros: [zero])
      case .affineAlong(let axis):
        affine(
          axis: axis, scales: arrays[1].floats, zeros: try integers(of: 2))
      case .sparse(.coo): try coordinates()
      case .sparse(let layout): try compressed(layout)
      case .masked: zip(arrays[0].floats, arrays[1].floats).map { $0 * $1 }
      case .weightNorm: normalized()
      case .spectralNorm: dividedBySingularValue()
      }
    if shouldStop() { throw .stopped }
    let tensor = Tensor(shape, values)
    return isTransposed ? tensor.transposed(threads: threads) : tensor
  }

  func damaged(_ reason: String) -> CheckpointError { .invalidParts(tensor: name, reason: reason) }

  func integers(of position: Int) throws(CheckpointError) -> [Int] {
    guard let integers = arrays[position].integers else {
      throw damaged("\(arrays[position].name.quoted) holds no integers")
    }
    return integers
  }

  // MARK: Codes

  private func affine(axis: Int, scales: [Float], zeros: [Int]) -> [Float] {
    let inner = shape.dimensions.dropFirst(axis + 1).reduce(1, *)
    let codes = arrays[0].floats
    return codes.indices.map { index in
      let group = scales.count == 1 ? 0 : index / inner % scales.count
      return (codes[index] - Float(zeros[group])) * scales[group]
    }
  }

  // MARK: Norms

  /// `v × (g / ‖v‖)`, the length taken over all axes but those `g` has.
  private func normalized() -> [Float] {
    let directions = arrays[0].floats
    let lengths = arrays[1].floats
    let axis = arrays[1].shape.dimensions.firstIndex { $0 != 1 }
    let inner = axis.map { shape.dimensions.dropFirst($0 + 1).reduce(1, *) } ?? shape.count
    var squares = [Double](repeating: 0, count: lengths.count)
    for (index, value) in directions.enumerated() {
      squares[index / max(1, inner) % lengths.count] += Double(value) * Double(value)
    }
    let factors = zip(lengths, squares).map { Float(Double($0) / $1.squareRoot()) }
    return directions.indices.map {
      directions[$0] * factors[$0 / max(1, inner) % factors.count]
    }
  }

  /// `W / (u · W v)` with `W` as a matrix.
  private func dividedBySingularValue() -> [Float] {
    let weights = arrays[0].floats
    let (left, right) = (arrays[1].floats, arrays[2].floats)
    var value = 0.0
    for (index, weight) in weights.enumerated() {
      value +=
        Double(left[index / right.count]) * Double(weight) * Double(right[index % right.count])
    }
    return weights.map { Float(Double($0) / value) }
  }
}
