internal import Tensors

/// The weights of a matrix that a file holds as arrays of codes, scales and the
/// like.
protocol QuantizedWeights: Sendable {
  var shape: Shape { get }
  /// What a runtime computes them in.
  var dtype: DType { get }
  /// The codes' type as `inspect` shows it, `I4`.
  var codeName: String { get }
  /// The grid they lie on exactly, if there is one; reads the scales.
  func grid() -> QuantizationGrid?
  /// Bytes of the file that its arrays take.
  var byteCount: Int { get }
  /// Reads rows of them.
  func rows() throws(CheckpointError) -> any RowReader
  func tensor(
    threads: Int, shouldStop: @Sendable () -> Bool
  ) throws(CheckpointError) -> Tensor
}

/// A way in which quantizers lay out their arrays in Hugging Face folders.
protocol QuantizedLayout: Sendable {
  /// As `inspect` shows it.
  static var name: String { get }
  /// What the name of the array of codes ends with; `MODULE.weight` is what it
  /// stands for.
  static var codes: [String] { get }
  /// What the names of the arrays that belong to it end with.
  static var companions: [String] { get }
  /// The weights of these arrays; nil where their layout is not known. Throws
  /// `CheckpointError.invalidQuantization` for arrays that do not fit together.
  static func weights(
    _ arrays: LayerArrays, _ settings: QuantizationSettings?
  ) throws(CheckpointError) -> (any QuantizedWeights)?
}

extension QuantizedMatrix: QuantizedWeights {
  var codeName: String {
    if case .minifloats(let bits) = codes.layout {
      return scales.scales.areExponents ? "MXFP\(bits)" : "NVFP\(bits)"
    }
    return codes.levels.map { "I\($0.bits)" } ?? codes.array.dtype.rawValue
  }
}
