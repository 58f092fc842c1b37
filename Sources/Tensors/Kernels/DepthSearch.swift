import CKernels

#if canImport(Glibc)
  import Glibc
#endif

/// The bit depths a channel could have: for each, the scale of least squared error
/// and what is lost.
public struct DepthChoices: Sendable, Hashable {
  /// One depth and its best scale.
  public struct Choice: Sendable, Hashable {
    /// Just above a jump, or 0.
    public let depth: Float
    /// log2 of the scale: a multiple of 1/32.
    public let exponent: Float
    /// Σ h (w − w′)² over the channel's weights.
    public let squaredError: Double
  }

  /// Those that are best for some price of a bit, the cheapest first: depths rise,
  /// errors fall, and so does what a bit saves.
  public let choices: [Choice]

  /// The choices for each row of a tensor. `importance` is h, one number a column,
  /// such as the mean square of a layer's inputs; nil weighs all alike. nil when
  /// stopped.
  public static func all(
    of tensor: Tensor, importance: [Float]? = nil, threads: Int = Parallel.defaultThreads,
    shouldStop: @Sendable () -> Bool = { false }
  ) -> [DepthChoices]? {
    let (rows, columns) = (tensor.shape.rows, tensor.shape.columns)
    precondition(importance.map { $0.count == columns } ?? true, "one weight a column")
    let nothing = DepthChoices(choices: [Choice(depth: 0, exponent: 0, squaredError: 0)])
    guard columns > 0 else { return [DepthChoices](repeating: nothing, count: rows) }
    var found = [DepthChoices](repeating: nothing, count: rows)
    let batch = max(1, (1 << 13) / columns)
    let finished = unsafe found.withUnsafeMutableBufferPointer { buffer in
      let found = unsafe Shared(buffer)
      return Parallel.forEach(
        count: Parallel.chunks(rows, of: batch), threads: threads, shouldStop: shouldStop
      ) { index in
        for row in Parallel.range(index, of: rows, size: batch) {
          let search = DepthSearch(
            tensor: tensor, range: row * columns..<(row + 1) * columns, importance: importance)
          unsafe found.pointer[row] = DepthChoices(choices: search.hull())
        }
      }
    }
    return finished ? found : nil
  }
}

/// The search for one row.
private struct DepthSearch {
  let tensor: Tensor
  let range: Range<Int>
  let importance: [Float]?

  /// Depths that are tried: every jump up to 16 levels, a few more than that.
  private static let candidates: [Candidate] = [
    2, 4, 6, 8, 10, 12, 14, 16, 24, 32, 48, 64, 96, 128, 192, 256,
  ].map { Candidate(levels: $0) }

  private struct Candidate {
    let depth: Float
    let codes: ClosedRange<Int>
    /// log2 of the best step of a Gaussian of unit variance, about.
    let exponent: Double

    init(levels: Int) {
      depth = ChannelDepth.least(forLevels: levels)
      codes = ChannelDepth.codes(of: depth)
      // Between optima for 1, 2, 3, 4 and 8 bits that were found numerically.
      let known = [(1.0, 0.30), (2, 0.10), (3, -0.71), (4, -1.56), (8, -5.01)]
      let bits = log2(Double(levels))
      let upper = max(1, known.firstIndex { $0.0 >= bits } ?? known.count - 1)
      let (a, b) = (known[upper - 1], known[upper])
      exponent = a.1 + (b.1 - a.1) * (bits - a.0) / (b.0 - a.0)
    }
  }

  /// Exponents are multiples of 1 / `fineness`.
  private static let fineness = 32

  /// The choices on the lower convex hull of depth and error.
  func hull() -> [DepthChoices.Choice] {
    let whole = errors(0...0, [1])[0]
    var hull = [DepthChoices.Choice(depth: 0, exponent: 0, squaredError: whole)]
    guard whole > 0, whole.isFinite else { return hull }
    let deviation = log2((whole / weightSum).squareRoot())
    for candidate in Self.candidates {
      let choice = best(candidate, from: deviation + candidate.exponent)
      guard choice.squaredError < hull[hull.count - 1].squaredError else { continue }
      while hull.count >= 2,
        saving(hull[hull.count - 2], choice)
          >= saving(hull[hull.count - 2], hull[hull.count - 1])
      {
        hull.removeLast()
      }
      hull.append(choice)
    }
    return hull
  }

  /// Error saved by a bit more.
  private func saving(_ a: DepthChoices.Choice, _ b: DepthChoices.Choice) -> Double {
    (a.squaredError - b.squaredError) / Double(b.depth - a.depth)
  }

  private var weightSum: Double {
    importance?.reduce(0) { $0 + Double($1) } ?? Double(range.count)
  }

  /// The best exponent: of quarter octaves about a first guess, following the
  /// error while it falls at an end, then of ever finer steps.
  private func best(_ candidate: Candidate, from guess: Double) -> DepthChoices.Choice {
    let unit = Self.fineness
    let limit = 90 * unit
    let middle = Int((min(max(guess, -80), 80) * Double(unit)).rounded())
    var tried = (-4...4).map { middle + $0 * unit / 4 }
    var found = errors(tried, candidate)
    var place = leastIndex(found)
    while place == 0 || place == tried.count - 1, tried.count < 64,
      abs(tried[place]) < limit
    {
      let next = tried[place] + (place == 0 ? -unit : unit) / 4
      let error = errors([next], candidate)[0]
      guard error < found[place] else { break }
      tried.insert(next, at: place == 0 ? 0 : tried.count)
      found.insert(error, at: place == 0 ? 0 : found.count)
      place = place == 0 ? 0 : tried.count - 1
    }
    var (exponent, error) = (tried[place], found[place])
    var step = unit / 8
    while step >= 1 {
      let sides = [exponent - step, exponent + step]
      let found = errors(sides, candidate)
      let side = leastIndex(found)
      if found[side] < error { (exponent, error) = (sides[side], found[side]) }
      step /= 2
    }
    return DepthChoices.Choice(
      depth: candidate.depth, exponent: Float(exponent) / Float(unit), squaredError: error)
  }

  private func leastIndex(_ errors: [Double]) -> Int {
    errors.indices.reduce(0) { errors[$1] < errors[$0] ? $1 : $0 }
  }

  private func errors(_ exponents: [Int], _ candidate: Candidate) -> [Double] {
    errors(
      candidate.codes,
      exponents.map { ChannelDepth.scale(ofExponent: Float($0) / Float(Self.fineness)) })
  }

  /// The squared error at each scale.
  private func errors(_ codes: ClosedRange<Int>, _ scales: [Float]) -> [Double] {
    var errors = [Double](repeating: 0, count: scales.count)
    unsafe tensor.withUnsafeValues { values in
      guard let start = values.baseAddress else { return }
      func run(_ weights: UnsafePointer<Float>?) {
        unsafe pare_weighted_errors(
          KernelLevel.best, start + range.lowerBound, weights, range.count,
          Float(codes.lowerBound), Float(codes.upperBound), scales, scales.count, &errors)
      }
      if let importance {
        unsafe importance.withUnsafeBufferPointer { unsafe run($0.baseAddress) }
      } else {
        run(nil)
      }
    }
    return errors
  }
}
