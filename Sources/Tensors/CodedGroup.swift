/// Weights that share a scale, with their codes: `weight = code × scale + minimum`, of
/// a grid with zero points `(code − zero) × scale`.
public struct CodedGroup: Sendable, Hashable {
  /// Which part of the matrix they are, as it is stored; one of the two is one long.
  public let rows: Range<Int>
  public let columns: Range<Int>
  public let codes: [Int]
  public let weights: [Float]
  public let scale: Float
  /// What is added to code × scale; nil where nothing is.
  public let minimum: Float?
  /// The block scale that the scale is a multiple of; nil if there is no block scale.
  public let blockScale: Float?
  /// What is subtracted from codes; nil where nothing is.
  public let zero: Int?
  /// Which of the weights a pass has made 0, whatever their codes.
  public let pruned: Set<Int>

  public init(
    rows: Range<Int>, columns: Range<Int>, codes: [Int], weights: [Float], scale: Float,
    minimum: Float? = nil, blockScale: Float? = nil, zero: Int? = nil,
    pruned: Set<Int> = []
  ) {
    self.rows = rows
    self.columns = columns
    self.codes = codes
    self.weights = weights
    self.scale = scale
    self.minimum = minimum
    self.blockScale = blockScale
    self.zero = zero
    self.pruned = pruned
  }
}

extension QuantizationGrid {
  /// Whether the grid has a scale for every group of a matrix.
  func covers(_ shape: Shape) -> Bool {
    guard groupSize > 0, shape.count > 0 else { return false }
    let groups = isPerTensor(shape) ? 1 : shape.rows * groupsPerRow(shape)
    return scales.count >= groups && (zeros.isEmpty || zeros.count >= groups)
      && (!hasDepths || depths.count >= shape.rows)
  }

  private func isPerTensor(_ shape: Shape) -> Bool { groupSize >= shape.count }

  private func groupsPerRow(_ shape: Shape) -> Int {
    (shape.columns + groupSize - 1) / groupSize
  }

  /// The group of a weight.
  private func group(row: Int, column: Int, in shape: Shape) -> Int {
    isPerTensor(shape) ? 0 : row * groupsPerRow(shape) + column / groupSize
  }

  /// The code of a weight, zero point not subtracted; held to what codes there are.
  /// Precondition: the grid covers the matrix.
  func code(of weight: Float, row: Int, column: Int, in shape: Shape) -> Int {
    let group = group(row: row, column: column, in: shape)
    if isBinary { return weight.sign == scales[group].sign ? codes.upperBound : codes.lowerBound }
    let number = (weight / scales[group]).rounded(.toNearestOrEven)
    let zero = zeros.isEmpty ? 0 : Int(zeros[group])
    guard number.isFinite else { return min(max(zero, codes.lowerBound), codes.upperBound) }
    return min(
      max(Int(min(max(number, -65_536), 65_536)) + zero, codes.lowerBound), codes.upperBound)
  }

  /// The weights of a row that share a scale with one of them; nil if the grid does not belong
  /// to the matrix.
  public func group(around row: Int, _ column: Int, of tensor: Tensor) -> CodedGroup? {
    let shape = tensor.shape
    guard covers(shape), (0..<shape.rows).contains(row), (0..<shape.columns).contains(column)
    else { return nil }
    let size = min(groupSize, shape.columns)
    let start = column / size * size
    let columns = start..<min(start + size, shape.columns)
    let group = group(row: row, column: column, in: shape)
    return CodedGroup(
      rows: row..<row + 1, columns: columns,
      codes: columns.map { code(of: tensor[row, $0], row: row, column: $0, in: shape) },
      weights: columns.map { tensor[row, $0] }, scale: scales[group],
      zero: zeros.isEmpty ? nil : Int(zeros[group]))
  }
}
