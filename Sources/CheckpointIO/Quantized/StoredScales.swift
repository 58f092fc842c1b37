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

  /// Bytes of the file that they take.
  var byteCount: Int {
    let points =
      switch zeros {
      case .none: 0
      case .numbers(let array), .outputs(let array, _, _), .interleaved(let array),
        .rows(let array, _), .added(let array):
        array.byteCount
      }
    return scales.byteCount + points + (order?.byteCount ?? 0)
  }

  /// Groups along the inputs that there are scales for.
  fileprivate var storedGroups: Int {
    guard scales.isMatrix else { return 1 }
    return scales.shape.dimensions[isTransposed ? 0 : 1]
  }

  /// nil for groups of neighbours.
  fileprivate func inputOrder(
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
}

/// Reads the scales and zero points of a row when it is read.
struct ScaleRows: Sendable {
  private let stored: StoredScales
  private let scales: StoredArray.Numbers
  private let zeros: ZeroRows
  /// One for all scales: what multiplies or divides them.
  private let factor: Float?
  private let rowGroups: Int
  /// Groups along the inputs.
  private let columnGroups: Int
  /// The group of each input; nil for groups of neighbours.
  private let order: [Int]?
  private let columns: Int
  let keptByteCount: Int

  /// Throws for an order that names groups which are not there.
  init(_ stored: StoredScales, of shape: Shape, name: String) throws(CheckpointError) {
    self.stored = stored
    columns = shape.columns
    rowGroups = Parallel.chunks(shape.rows, of: stored.rowsPerGroup)
    columnGroups =
      stored.order == nil
      ? Parallel.chunks(columns, of: stored.columnsPerGroup) : stored.storedGroups
    let perRow = stored.isTransposed ? rowGroups : columnGroups
    scales = stored.scales.numbers(perRow: perRow)
    zeros = ZeroRows(stored.zeros, perRow: perRow)
    factor =
      switch stored.factor {
      case .multiplied(let array), .divided(let array): array.floats.first ?? .nan
      case nil: nil
      }
    order = try stored.inputOrder(columnGroups, name: name)
    keptByteCount =
      scales.keptByteCount + zeros.keptByteCount + (order?.count ?? 0) * MemoryLayout<Int>.stride
  }

  /// The consecutive inputs that share a scale, as `QuantizationGrid` counts them;
  /// nil where rows share scales, groups are no neighbours, or something is added.
  var gridGroupSize: Int? {
    if case .added = zeros { return nil }
    guard order == nil else { return nil }
    if stored.rowsPerGroup == 1 { return max(1, min(stored.columnsPerGroup, columns)) }
    return rowGroups * columnGroups == 1 ? stored.rowsPerGroup * columns : nil
  }

  /// All scales and zero points, by output and then by group.
  var all: (scales: [Float], zeros: [Float]) {
    var all: (scales: [Float], zeros: [Float]) = ([], [])
    for group in 0..<rowGroups {
      unsafe withGroups(ofRow: group * stored.rowsPerGroup) {
        unsafe all.scales.append(contentsOf: $0)
        unsafe all.zeros.append(contentsOf: $1)
      }
    }
    return all
  }

  /// Makes weights of a row's codes, in place.
  func apply(toRow row: Int, _ values: UnsafeMutableBufferPointer<Float>) {
    unsafe withGroups(ofRow: row) { scales, zeros in
      if let order {
        for column in 0..<columns {
          let group = order[column]
          unsafe values[column] = scales[group] * (values[column] - zeros[group])
        }
        return
      }
      for group in 0..<columnGroups {
        let (scale, zero) = unsafe (scales[group], zeros[group])
        let inputs = Parallel.range(group, of: columns, size: stored.columnsPerGroup)
        if case .added = self.zeros {
          for column in inputs { unsafe values[column] = scale * values[column] + zero }
        } else {
          for column in inputs { unsafe values[column] = scale * (values[column] - zero) }
        }
      }
    }
  }

  /// Calls `body` with the scales of a row, and its zero points or what is added to products.
  private func withGroups(
    ofRow row: Int,
    _ body: (UnsafeBufferPointer<Float>, UnsafeBufferPointer<Float>) -> Void
  ) {
    let row = row / stored.rowsPerGroup
    let count = columnGroups
    unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * count) { room in
      let scales = unsafe UnsafeMutableBufferPointer(rebasing: room[..<count])
      let added = unsafe UnsafeMutableBufferPointer(rebasing: room[count...])
      unsafe self.scales.read(line: row, isTransposed: stored.isTransposed, into: scales)
      for group in 0..<count {
        if stored.divisor != 1 { unsafe scales[group] /= stored.divisor }
        switch stored.factor {
        case .multiplied: unsafe scales[group] *= factor ?? .nan
        case .divided: unsafe scales[group] /= factor ?? .nan
        case nil: break
        }
      }
      unsafe zeros.read(row, isTransposed: stored.isTransposed, into: added)
      unsafe body(UnsafeBufferPointer(scales), UnsafeBufferPointer(added))
    }
  }
}

extension StoredArray.Numbers {
  /// A row, or a column where the array is transposed.
  fileprivate func read(
    line: Int, isTransposed: Bool, into values: UnsafeMutableBufferPointer<Float>
  ) {
    guard isTransposed else { return unsafe read(row: line, into: values) }
    for index in values.indices {
      unsafe values.initializeElement(at: index, to: self[index, line])
    }
  }
}

/// The zero points of a row's groups.
private enum ZeroRows: Sendable {
  case none
  case numbers(StoredArray.Numbers)
  case added(StoredArray.Numbers)
  case outputs(Bytes, words: Int, bits: Int, isLessOne: Bool)
  case interleaved(Bytes, words: Int)
  case rows(Bytes, groups: Int, bits: Int)

  init(_ zeros: StoredScales.Zeros, perRow: Int) {
    self =
      switch zeros {
      case .none: .none
      case .numbers(let array): .numbers(array.numbers(perRow: perRow))
      case .added(let array): .added(array.numbers(perRow: perRow))
      case .outputs(let array, let bits, let isLessOne):
        .outputs(array.rowMajor, words: array.shape.columns, bits: bits, isLessOne: isLessOne)
      case .interleaved(let array): .interleaved(array.rowMajor, words: array.shape.columns)
      case .rows(let array, let bits):
        .rows(array.rowMajor, groups: array.shape.columns, bits: bits)
      }
  }

  var keptByteCount: Int {
    switch self {
    case .numbers(let numbers), .added(let numbers): numbers.keptByteCount
    case .none, .outputs, .interleaved, .rows: 0
    }
  }

  /// Writes the zero points of a row; zeros if the layout stores no zero points.
  func read(_ row: Int, isTransposed: Bool, into points: UnsafeMutableBufferPointer<Float>) {
    switch self {
    case .none: unsafe points.initialize(repeating: 0)
    case .numbers(let numbers), .added(let numbers):
      unsafe numbers.read(line: row, isTransposed: isTransposed, into: points)
    case .outputs(let bytes, let words, let bits, let isLessOne):
      for group in points.indices {
        let code = Self.code(bytes, at: row * bits, bits, from: group * words, step: 1)
        unsafe points.initializeElement(at: group, to: Float(isLessOne ? code + 1 : code))
      }
    case .interleaved(let bytes, let words):
      let shift = StoredCodes.Rows.shift(ofOutput: row)
      for group in points.indices {
        let word = bytes.load(UInt32.self, at: 4 * (group * words + row / 8))
        unsafe points.initializeElement(at: group, to: Float(word >> shift & 15))
      }
    case .rows(let bytes, let groups, let bits):
      for group in points.indices {
        let code = Self.code(bytes, at: row * bits, bits, from: group, step: groups)
        unsafe points.initializeElement(at: group, to: Float(Int(code) - 1 << (bits - 1)))
      }
    }
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
