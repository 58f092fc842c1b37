internal import Models
internal import Tensors

/// The linear layers of a block, read to see where they are zero.
struct BlockWeights: ChannelFacts {
  private let layers: [TensorRole: Layer]
  /// Whether all weights are finite: 0 times what is no finite number is no 0.
  let isFinite: Bool

  /// A layer of the block: rows of a tensor.
  private struct Layer {
    let zeros: Zeros
    let rows: RowRuns?
    let bias: [Float]?

    func isZero(_ row: Int) -> Bool { zeros.rows[rows?.source(of: row) ?? row] }
  }

  /// Throws what reading throws, and `NetworkError.stopped`.
  init(
    _ model: Model, block: Int, threads: Int, shouldStop: @Sendable () -> Bool
  ) throws {
    var known: [String: Zeros] = [:]
    var layers: [TensorRole: Layer] = [:]
    var isFinite = true
    for role in BlockPlan.Part.allCases.flatMap(\.roles) {
      let id = TensorID(role, block: block)
      guard let part = model[id] else { continue }
      let name = part.parameter.name
      let zeros =
        try known[name]
        ?? Zeros(
          part.parameter.tensor(threads: threads, shouldStop: shouldStop), shouldStop: shouldStop)
      known[name] = zeros
      let bias = try model[id.bias]?.values()
      isFinite = isFinite && zeros.isFinite && bias?.allSatisfy(\.isFinite) ?? true
      layers[role] = Layer(zeros: zeros, rows: part.rows, bias: bias)
    }
    self.layers = layers
    self.isFinite = isFinite
  }

  func constant(_ role: TensorRole, _ row: Int) -> Float? {
    guard let layer = layers[role], layer.isZero(row) else { return nil }
    return layer.bias?[row] ?? 0
  }

  func hasNoWeights(_ role: TensorRole, _ row: Int) -> Bool {
    layers[role]?.isZero(row) ?? false
  }

  func reads(_ role: TensorRole, _ column: Int) -> Bool {
    layers[role].map { !$0.zeros.columns[column] } ?? true
  }

  func takesConstants(_ role: TensorRole) -> Bool { layers[role]?.bias != nil }

  /// An output layer's bias where inputs that are always the same are no longer added.
  func bias(_ role: TensorRole, with constants: [Int: Float]) -> [Float]? {
    guard let layer = layers[role], let bias = layer.bias else { return nil }
    var sums = bias.map(Double.init)
    for (column, value) in constants.sorted(by: { $0.key < $1.key }) {
      for row in sums.indices {
        sums[row] += Double(value) * Double(layer.zeros.weight[row, column])
      }
    }
    return sums.map { Float($0) }
  }
}

/// Where a matrix is zero.
private struct Zeros {
  let weight: Tensor
  private(set) var rows: [Bool]
  private(set) var columns: [Bool]
  private(set) var isFinite: Bool

  /// Throws `NetworkError.stopped`.
  init(_ weight: Tensor, shouldStop: () -> Bool) throws {
    self.weight = weight
    let (height, width) = (weight.shape.rows, weight.shape.columns)
    var rows = [Bool](repeating: true, count: height)
    var columns = [Bool](repeating: true, count: width)
    // The sum of products with 0 is 0 if all are finite, else no number.
    var check: Float = 0
    try unsafe weight.withUnsafeValues { values in
      for row in 0..<height {
        if shouldStop() { throw NetworkError.stopped }
        for column in 0..<width {
          let value = unsafe values[row * width + column]
          check += value * 0
          if value != 0 {
            rows[row] = false
            columns[column] = false
          }
        }
      }
    }
    (self.rows, self.columns) = (rows, columns)
    isFinite = check == 0
  }
}
