internal import CKernels
package import Tensors

/// A walk over a layer's columns that rounds or zeroes weights, and makes up for each change in the
/// columns that follow (`walk.h`).
package struct ColumnWalk {
  /// What becomes 0.
  package enum Choice: Sendable {
    /// Nothing more than the mask says.
    case none
    /// The weights that cost least, of all rows together: `quota` of the first `count` weights, asked
    /// after every 128 columns.
    case layer(quota: @Sendable (_ count: Int) -> Int)
    /// The same of each row by itself.
    case rows(quota: @Sendable (_ count: Int) -> Int)
    /// All but `n` of each `m` neighbours of a row, m ≤ 64.
    case nOfM(n: Int, m: Int)
  }

  private let factor: WalkFactor
  private let crew: Crew
  private let hands: [Hand]

  /// Rows that a thread walks over at once.
  private static let rowTile = 64

  /// Walks with a layer's factor.
  package init(_ factor: WalkFactor, crew: Crew, hands: [Hand]) {
    (self.factor, self.crew, self.hands) = (factor, crew, hands)
  }

  /// Weights after the walk, and what stays where something went. nil when stopped.
  ///
  /// `mask` says what of them is 0 and stays so. Precondition: as many columns as the factor has.
  package func run(
    _ weights: Tensor, mask: Mask?, zeroing choice: Choice = .none,
    onto grid: WalkGrid? = nil, shouldStop: @Sendable () -> Bool
  ) -> (values: Tensor, mask: Mask?)? {
    let (m, n) = (weights.shape.rows, weights.shape.columns)
    precondition(n == factor.count)
    let state = State(m, n, hasMask: mask != nil || choice.isMask)
    let order = factor.order
    forEachTile(of: m) { rows, _ in
      unsafe weights.withUnsafeValues { values in
        for row in rows {
          for a in 0..<n {
            let index = row * n + order[a]
            unsafe state.weights.floats[row * n + a] = values[index]
            if state.hasMask { unsafe state.kept[row * n + a] = mask?[index] ?? true ? 1 : 0 }
          }
        }
      }
    }
    let groups = grid?.groups(of: order) ?? []
    var (n0, m0) = (0, 0)
    if case .nOfM(let keep, let group) = choice { (n0, m0) = (keep, group) }
    let width = m0 > 0 ? Int(PARE_WALK_COLUMNS) / m0 * m0 : Int(PARE_WALK_COLUMNS)
    var end = n
    var gone = 0
    while end > 0 {
      let columns = max(end - width, 0)..<end
      end = columns.lowerBound
      let isScored = choice.isMask
      forEachTile(of: m) { rows, hand in
        if shouldStop() { return }
        sums(rows, columns, state, hand)
        if isScored { scores(rows, columns, state) }
      }
      if shouldStop() { return nil }
      switch choice {
      case .layer(let quota):
        choose(quota(m * (n - end)) - gone, isPerRow: false, columns, state, shouldStop)
        gone = quota(m * (n - end))
      case .rows(let quota):
        choose(quota(n - end) - gone, isPerRow: true, columns, state, shouldStop)
        gone = quota(n - end)
      case .none, .nOfM: break
      }
      forEachTile(of: m) { rows, _ in
        if shouldStop() { return }
        walk(rows, columns, state, n0, m0, grid, groups)
      }
      for hand in hands where hand.engine.hasFailed { return nil }
    }
    if shouldStop() { return nil }
    let values = unsafe Tensor(weights.shape) { out in
      let out = unsafe Shared(out)
      forEachTile(of: m) { rows, _ in
        for row in rows {
          for a in 0..<n {
            unsafe out.pointer[row * n + order[a]] = unsafe state.weights.floats[row * n + a]
          }
        }
      }
    }
    guard state.hasMask || m0 > 0 else { return (values, nil) }
    return (values, Self.mask(of: values, mask, state, order, isChosen: m0 > 0))
  }

  private static func mask(
    of values: Tensor, _ before: Mask?, _ state: State, _ order: [Int], isChosen: Bool
  ) -> Mask {
    let (m, n) = (values.shape.rows, values.shape.columns)
    var words = [UInt64](repeating: 0, count: (m * n + 63) / 64)
    for row in 0..<m {
      for a in 0..<n {
        let index = row * n + order[a]
        let stays =
          isChosen
          ? unsafe state.weights.floats[row * n + a] != 0 : unsafe state.kept[row * n + a] != 0
        if stays { words[index >> 6] |= 1 << UInt64(index & 63) }
      }
    }
    return Mask(shape: values.shape, words: words)
  }

  private func forEachTile(of rows: Int, _ body: (Range<Int>, Hand) -> Void) {
    crew.forEachRows(of: rows, atOnce: Self.rowTile) { worker, rows in body(rows, hands[worker]) }
  }

  /// S of some columns, by what has become of those before.
  private func sums(_ rows: Range<Int>, _ columns: Range<Int>, _ state: State, _ hand: Hand) {
    let n = state.columns
    let target = unsafe state.sums.floats + rows.lowerBound * n + columns.lowerBound
    guard columns.upperBound < n else {
      for row in 0..<rows.count {
        unsafe (target + row * n).update(repeating: 0, count: columns.count)
      }
      return
    }
    unsafe hand.engine.multiply(
      ProductSize(m: rows.count, n: columns.count, k: n - columns.upperBound),
      Operand(state.differences.floats + rows.lowerBound * n + columns.upperBound, stride: n),
      Operand(factor.factor.floats + columns.upperBound * n + columns.lowerBound, stride: n),
      into: Operand(target, stride: n), ProductForm(isHalf: false))
  }

  /// Leaves scores where differences will be.
  private func scores(_ rows: Range<Int>, _ columns: Range<Int>, _ state: State) {
    var block = unsafe factor.block(columns)
    forEachSixteen(rows, columns, state) { count, place in
      unsafe pare_walk_scores(
        KernelLevel.best, &block, count, state.weights.floats + place, state.sums.floats + place,
        state.columns, state.differences.floats + place)
    }
  }

  private func walk(
    _ rows: Range<Int>, _ columns: Range<Int>, _ state: State, _ n: Int, _ m: Int,
    _ points: WalkGrid?, _ groups: [UInt32]
  ) {
    var block = unsafe factor.block(columns)
    forEachSixteen(rows, columns, state) { count, place in
      let row = place / state.columns
      let kept = state.hasMask ? unsafe UnsafePointer(state.kept + place) : nil
      func walk(_ grid: UnsafePointer<pare_walk_grid>?) {
        unsafe pare_walk(
          KernelLevel.best, &block, count, state.weights.floats + place,
          state.sums.floats + place, state.columns, kept, n, m, grid,
          state.weights.floats + place, state.differences.floats + place)
      }
      guard let points else { return walk(nil) }
      unsafe points.with(groups, row: row, column: columns.lowerBound) { unsafe walk($0) }
    }
  }

  private func forEachSixteen(
    _ rows: Range<Int>, _ columns: Range<Int>, _ state: State,
    _ body: (_ count: Int, _ place: Int) -> Void
  ) {
    let most = Int(PARE_WALK_ROWS)
    for row in stride(from: rows.lowerBound, to: rows.upperBound, by: most) {
      body(min(most, rows.upperBound - row), row * state.columns + columns.lowerBound)
    }
  }

  /// Marks the `count` weights that go, or those of each row, of some columns whose scores are known.
  private func choose(
    _ count: Int, isPerRow: Bool, _ columns: Range<Int>, _ state: State,
    _ shouldStop: @Sendable () -> Bool
  ) {
    let (m, n, width) = (state.rows, state.columns, columns.count)
    let scores = unsafe Tensor([m, width]) { out in
      for row in 0..<m {
        for a in 0..<width {
          let index = row * n + columns.lowerBound + a
          // What is gone already goes first.
          unsafe out[row * width + a] =
            unsafe state.kept[index] == 0
            ? 0 : max(state.differences.floats[index], .leastNonzeroMagnitude)
        }
      }
    }
    let mask =
      isPerRow
      ? Select.mask(
        pruningPerRow: count, of: scores, threads: crew.threads, shouldStop: shouldStop)
      : Select.mask(
        pruning: min(max(count, 0), m * width), of: scores, threads: crew.threads,
        shouldStop: shouldStop)
    guard let mask else { return }
    for row in 0..<m {
      for a in 0..<width where !mask[row * width + a] {
        unsafe state.kept[row * n + columns.lowerBound + a] = 0
      }
    }
  }

  /// What a walk works on, in the factor's order of columns.
  @safe
  private final class State {
    let rows: Int
    let columns: Int
    let hasMask: Bool
    /// W, then Q.
    let weights: AlignedBuffer
    let sums: AlignedBuffer
    let differences: AlignedBuffer
    private let keeping: AlignedBuffer

    init(_ rows: Int, _ columns: Int, hasMask: Bool) {
      (self.rows, self.columns, self.hasMask) = (rows, columns, hasMask)
      let count = rows * columns
      weights = AlignedBuffer(count)
      sums = AlignedBuffer(count)
      differences = AlignedBuffer(count)
      keeping = AlignedBuffer(hasMask ? (count + 3) / 4 : 0)
    }

    /// A byte for each weight, 0 where it is to be 0.
    var kept: UnsafeMutablePointer<UInt8> {
      unsafe UnsafeMutableRawPointer(keeping.floats).assumingMemoryBound(to: UInt8.self)
    }
  }
}

extension ColumnWalk.Choice {
  /// Whether it is made for a block before that is walked over.
  fileprivate var isMask: Bool {
    switch self {
    case .layer, .rows: true
    case .none, .nOfM: false
    }
  }
}
