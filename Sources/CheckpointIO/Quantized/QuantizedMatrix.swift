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
    let groups = try scales.groups(of: shape, name: name)
    let codes = codes.rowReader(columns: shape.columns)
    let columns = shape.columns
    let band = max(1, Parallel.chunk / max(columns, 1))
    var isFinished = true
    let tensor = unsafe Tensor(shape) { values in
      let target = unsafe Shared(values)
      isFinished = Parallel.forEach(
        count: Parallel.chunks(shape.rows, of: band), threads: threads, shouldStop: shouldStop
      ) { index in
        for row in Parallel.range(index, of: shape.rows, size: band) {
          let part = unsafe UnsafeMutableBufferPointer(
            rebasing: target.pointer[row * columns..<(row + 1) * columns])
          unsafe codes.read(row, into: part)
          unsafe groups.apply(toRow: row, part)
        }
      }
    }
    guard isFinished, !shouldStop() else { throw .stopped }
    return tensor
  }

  /// The grid the weights lie on; nil for floating-point codes, for groups that
  /// are no neighbours, and where the scales cannot be read.
  func grid() -> QuantizationGrid? {
    guard let (bits, range) = codes.levels, (1...8).contains(bits), shape.count > 0,
      let groups = try? scales.groups(of: shape, name: name), let size = groups.gridGroupSize
    else { return nil }
    let hasZeros = groups.zeros.contains { $0 != 0 }
    return QuantizationGrid(
      bits: bits, codes: range, groupSize: size, scales: groups.scales,
      zeros: hasZeros ? groups.zeros.map { Int32($0) } : [])
  }
}
