internal import Tensors

/// Where the scales and zero points of a quantized matrix lie, and what shares
/// them.
struct StoredScales: Sendable {
  enum Zeros: Sendable {
    case none
    /// One number a scale, in the scales' order.
    case numbers(StoredArray)
    /// A stream of codes along the outputs, `[groups, words]`. GPTQ's first version
    /// stores one less than the zero point.
    case outputs(StoredArray, bits: Int, isLessOne: Bool)
    /// Four bits each along the outputs, ordered as `StoredCodes` says.
    case interleaved(StoredArray)
    /// A stream of codes down the outputs, `[words, groups]`, with as much added as
    /// to the codes.
    case rows(StoredArray, bits: Int)
    /// A number for each scale that is added to the products.
    case added(StoredArray)
  }

  /// One number for all scales.
  enum Factor: Sendable {
    case multiplied(StoredArray)
    case divided(StoredArray)
  }

  let scales: StoredArray
  let zeros: Zeros
  /// Whether scales are `[groups, out]` instead of `[out, groups]`.
  let isTransposed: Bool
  /// Outputs and inputs that share a scale.
  let rowsPerGroup: Int
  let columnsPerGroup: Int
  /// The group of each input, where groups are not neighbours.
  var order: StoredArray?
  /// What scales are divided by.
  var divisor: Float = 1
  var factor: Factor?

  /// Reads them. Throws for an order that names groups which are not there.
  func groups(of shape: Shape, name: String) throws(CheckpointError) -> ScaleGroups {
    let rowGroups = Parallel.chunks(shape.rows, of: rowsPerGroup)
    let columnGroups =
      order == nil ? Parallel.chunks(shape.columns, of: columnsPerGroup) : storedGroups
    var values = arranged(scales.floats, rowGroups, columnGroups)
    if divisor != 1 { values = values.map { $0 / divisor } }
    switch factor {
    case .multiplied(let array):
      let factor = array.floats.first ?? .nan
      values = values.map { $0 * factor }
    case .divided(let array):
      let factor = array.floats.first ?? .nan
      values = values.map { $0 / factor }
    case nil: break
    }
    var added: [Float] = []
    if case .added(let array) = zeros { added = arranged(array.floats, rowGroups, columnGroups) }
    return ScaleGroups(
      rowsPerGroup: rowsPerGroup, columnsPerGroup: columnsPerGroup, columnGroups: columnGroups,
      scales: values, zeros: zeroPoints(rowGroups, columnGroups), added: added,
      order: try inputOrder(columnGroups, name: name), columns: shape.columns)
  }

  /// Groups along the inputs that there are scales for.
  private var storedGroups: Int {
    guard scales.isMatrix else { return 1 }
    return scales.shape.dimensions[isTransposed ? 0 : 1]
  }

  /// By output and then by group.
  private func arranged<T>(_ values: [T], _ rows: Int, _ columns: Int) -> [T] {
    guard isTransposed else { return values }
    var arranged: [T] = []
    arranged.reserveCapacity(values.count)
    for row in 0..<rows {
      for column in 0..<columns { arranged.append(values[column * rows + row]) }
    }
    return arranged
  }

  /// nil for groups of neighbours.
  private func inputOrder(
    _ groups: Int, name: String
  ) throws(CheckpointError) -> [Int]? {
    guard let order else { return nil }
    let indices = order.integers ?? []
    // compressed-tensors writes −1 for inputs in their order.
    if indices.allSatisfy({ $0 == -1 }) { return nil }
    guard indices.allSatisfy({ (0..<groups).contains($0) }) else {
      throw .invalidQuantization(
        tensor: name, reason: "\(order.name.quoted) names a group that is not there")
    }
    let isPlain = indices.enumerated().allSatisfy { $1 == $0 / columnsPerGroup }
    return isPlain ? nil : indices
  }

  /// In the order of the scales; empty where all are 0.
  private func zeroPoints(_ rows: Int, _ columns: Int) -> [Float] {
    switch zeros {
    case .none, .added: return []
    case .numbers(let array): return arranged(array.floats, rows, columns)
    case .outputs(let array, let bits, let isLessOne):
      let bytes = array.rowMajor
      let words = array.shape.columns
      return points(rows, columns) { row, column in
        let stored = Self.code(bytes, at: row * bits, bits, from: column * words, step: 1)
        return Float(isLessOne ? stored + 1 : stored)
      }
    case .interleaved(let array):
      let bytes = array.rowMajor
      let words = array.shape.columns
      return points(rows, columns) { row, column in
        let word = bytes.load(UInt32.self, at: 4 * (column * words + row / 8))
        return Float(word >> StoredCodes.RowReader.shift(ofOutput: row) & 15)
      }
    case .rows(let array, let bits):
      let bytes = array.rowMajor
      return points(rows, columns) { row, column in
        let stored = Self.code(bytes, at: row * bits, bits, from: column, step: columns)
        return Float(Int(stored) - 1 << (bits - 1))
      }
    }
  }

  private func points(_ rows: Int, _ columns: Int, _ point: (Int, Int) -> Float) -> [Float] {
    var points: [Float] = []
    points.reserveCapacity(rows * columns)
    for row in 0..<rows {
      for column in 0..<columns { points.append(point(row, column)) }
    }
    return points
  }

  /// The code that begins at a bit of a stream in words `step` apart.
  private static func code(
    _ bytes: Bytes, at bit: Int, _ bits: Int, from first: Int, step: Int
  ) -> UInt32 {
    let word = first + bit / 32 * step
    var window = UInt64(bytes.load(UInt32.self, at: 4 * word))
    if bit % 32 + bits > 32 {
      window |= UInt64(bytes.load(UInt32.self, at: 4 * (word + step))) << 32
    }
    return UInt32(truncatingIfNeeded: window >> UInt64(bit % 32)) & (1 << UInt32(bits) - 1)
  }
}

/// Scales and zero points in memory, by output and then by group.
struct ScaleGroups: Sendable {
  let rowsPerGroup: Int
  let columnsPerGroup: Int
  let columnGroups: Int
  let scales: [Float]
  /// As many; or none, for 0.
  let zeros: [Float]
  /// What is added to the products: as many; or none, for 0. There are no zeros then.
  let added: [Float]
  /// The group of each input; nil for groups of neighbours.
  let order: [Int]?
  let columns: Int

  /// The consecutive inputs that share a scale, as `QuantizationGrid` counts them;
  /// nil where rows share scales, groups are no neighbours, or something is added.
  var gridGroupSize: Int? {
    guard order == nil, added.isEmpty else { return nil }
    if rowsPerGroup == 1 { return max(1, min(columnsPerGroup, columns)) }
    return scales.count == 1 ? rowsPerGroup * columns : nil
  }

  /// Makes weights of a row's codes, in place.
  func apply(toRow row: Int, _ values: UnsafeMutableBufferPointer<Float>) {
    let base = row / rowsPerGroup * columnGroups
    if let order {
      for column in 0..<columns {
        let group = base + order[column]
        let zero = zeros.isEmpty ? 0 : zeros[group]
        unsafe values[column] = scales[group] * (values[column] - zero)
      }
      return
    }
    for group in 0..<columnGroups {
      let scale = scales[base + group]
      let zero = zeros.isEmpty ? 0 : zeros[base + group]
      if !added.isEmpty {
        for column in Parallel.range(group, of: columns, size: columnsPerGroup) {
          unsafe values[column] = scale * values[column] + added[base + group]
        }
        continue
      }
      for column in Parallel.range(group, of: columns, size: columnsPerGroup) {
        unsafe values[column] = scale * (values[column] - zero)
      }
    }
  }
}
