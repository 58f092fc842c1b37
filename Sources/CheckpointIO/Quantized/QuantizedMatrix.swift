internal import Tensors

/// A weight matrix that a file holds as codes, scales and zero points:
///
///     weight = scale × (code − zero)
///
/// in f32, whatever type a runtime would compute in. Opening checks the arrays'
/// shapes; their numbers are read when the weights are asked for.
struct QuantizedMatrix: Sendable {
  /// Of the matrix: `MODULE.weight`.
  let name: String
  /// `[out, in]`.
  let shape: Shape
  let codes: StoredCodes
  let scales: StoredScales
  /// The scales' own type, what the weights are computed in elsewhere; bf16 where they have
  /// one of 8 bits.
  var dtype: DType {
    let scales = scales.scales
    return scales.areExponents || scales.dtype.byteCount == 1 ? .bf16 : scales.dtype
  }

  /// The weights. Throws `CheckpointError.invalidQuantization` for groups that are
  /// not there, and `.stopped` soon after `shouldStop` says so.
  func tensor(
    threads: Int, shouldStop: @Sendable () -> Bool
  ) throws(CheckpointError) -> Tensor {
    let rows = try rows()
    let columns = shape.columns
    let band = max(1, Parallel.chunk / max(columns, 1))
    var isFinished = true
    let tensor = unsafe Tensor(shape) { values in
      let target = unsafe Shared(values)
      isFinished = Parallel.forEach(
        count: Parallel.chunks(shape.rows, of: band), threads: threads, shouldStop: shouldStop
      ) { index in
        let range = Parallel.range(index, of: shape.rows, size: band)
        guard let start = unsafe target.pointer.baseAddress else { return }
        unsafe rows.read(range, into: start + range.lowerBound * columns)
      }
    }
    guard isFinished, !shouldStop() else { throw .stopped }
    return tensor
  }

  /// Throws `CheckpointError.invalidQuantization` for groups that are not there.
  func rows() throws(CheckpointError) -> any RowReader {
    QuantizedRows(
      codes: StoredCodes.Rows(codes, columns: shape.columns),
      scales: try ScaleRows(scales, of: shape, name: name), columns: shape.columns)
  }

  var byteCount: Int { codes.array.byteCount + scales.byteCount }

  /// The grid the weights lie on; nil for floating-point codes, for groups that
  /// are no neighbours, and where the scales cannot be read.
  func grid() -> QuantizationGrid? {
    guard let (bits, range) = codes.levels, (1...8).contains(bits), shape.count > 0,
      let groups = try? ScaleRows(scales, of: shape, name: name), let size = groups.gridGroupSize
    else { return nil }
    let (scales, zeros) = groups.all
    let hasZeros = zeros.contains { $0 != 0 }
    return QuantizationGrid(
      bits: bits, codes: range, groupSize: size, scales: scales,
      zeros: hasZeros ? zeros.map { Int32($0) } : [])
  }
}
